package tickloom;

import java.io.DataInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/**
 * The savepoints with which a job was stopped. What such a savepoint has in transactions is committed as soon as it is
 * complete, but it is not among the checkpoints from which a new JobManager recovers the job: if the one before died
 * before the job had ended, the job would go on from an earlier checkpoint, and write again what is committed.
 */
final class Stops {
  private static final int ID_CHARACTERS = 6; // of the job's id, in the name of a savepoint's folder

  private Stops() {}

  /**
   * Ends the job if it was stopped with a later savepoint than what it is restored from, in the cluster's folder for
   * them. Raises UncheckedIOException when that cannot be read, and the job may try again.
   */
  static void check(String jobId, long checkpointId) {
    try {
      for (FileStatus each : savepoints()) {
        if (each.getPath().getName().startsWith("savepoint-" + jobId.substring(0, ID_CHARACTERS) + "-")
            && isStopAfter(checkpointId, each.getPath())) {
          // In Flink's words for a job that fails at this point while its JobManager lives.
          throw new SuppressRestartsException(new IllegalStateException("A savepoint has been created at: "
              + each.getPath() + ", and what it has in transactions may be committed: the job is to go on from it, not "
              + "from checkpoint " + checkpointId));
        }
      }
    } catch (IOException problem) {
      throw new UncheckedIOException(problem);
    }
  }

  private static FileStatus[] savepoints() throws IOException {
    String folder = GlobalConfiguration.loadConfiguration().get(CheckpointingOptions.SAVEPOINT_DIRECTORY);
    if (folder == null) {
      return new FileStatus[0];
    }
    FileSystem files = new Path(folder).getFileSystem();
    return files.exists(new Path(folder)) ? files.listStatus(new Path(folder)) : new FileStatus[0];
  }

  private static boolean isStopAfter(long checkpointId, Path savepoint) throws IOException {
    Path metadata = new Path(savepoint, "_metadata");
    try (DataInputStream in = new DataInputStream(metadata.getFileSystem().open(metadata))) {
      CheckpointMetadata found =
          Checkpoints.loadCheckpointMetadata(in, Stops.class.getClassLoader(), savepoint.toString());
      return found.getCheckpointId() > checkpointId && found.getCheckpointProperties().isSynchronous();
    } catch (FileNotFoundException incomplete) {
      return false;
    }
  }
}
