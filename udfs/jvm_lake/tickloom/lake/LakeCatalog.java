package tickloom.lake;

import org.apache.iceberg.jdbc.JdbcCatalog;

/** Iceberg's catalog in PostgreSQL. A driver that comes with a job is known to Java only once its class is loaded. */
public final class LakeCatalog extends JdbcCatalog {
  public LakeCatalog() {
    try {
      Class.forName("org.postgresql.Driver");
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException("the driver of PostgreSQL is not on the class path", e);
    }
  }
}
