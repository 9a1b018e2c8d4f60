package tickloom;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.python.DataStreamPythonFunctionInfo;

/**
 * Flink's operator for keyed steps in Python, whose timers survive a failure.
 *
 * <p>A timer that Python registers is put into the task's mailbox. Flink 2.3 finishes the bundle before a checkpoint and
 * takes the checkpoint in one go, so the timers of that bundle are registered after it: a job that goes on from there has
 * never heard of them. Here they are registered before. The class has the name of Flink's, by which PyFlink makes it.
 */
public final class ExternalPythonKeyedProcessOperator<OUT>
        extends org.apache.flink.streaming.api.operators.python.process.ExternalPythonKeyedProcessOperator<OUT> {
    private static final long serialVersionUID = 1L;

    public ExternalPythonKeyedProcessOperator(
            Configuration config, DataStreamPythonFunctionInfo function, RowTypeInfo input, TypeInformation<OUT> output) {
        super(config, function, input, output);
    }

    public ExternalPythonKeyedProcessOperator(
            Configuration config,
            DataStreamPythonFunctionInfo function,
            RowTypeInfo input,
            TypeInformation<OUT> output,
            TypeSerializer<?> namespaceSerializer) {
        super(config, function, input, output, namespaceSerializer);
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        super.prepareSnapshotPreBarrier(checkpointId);
        drainUnregisteredTimers();
    }
}
