package org.apache.flink.metrics.prometheus;

import io.prometheus.client.exporter.HTTPServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.Properties;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * Flink's Prometheus reporter, on one `host` and `port`: its own factory listens on every interface. It is in Flink's
 * package because what it extends can be seen only there.
 */
public final class BoundReporterFactory implements MetricReporterFactory {
  @Override
  public MetricReporter createMetricReporter(Properties properties) {
    int port = Integer.parseInt(properties.getProperty("port"));
    try {
      return new BoundReporter(new InetSocketAddress(properties.getProperty("host"), port));
    } catch (IOException error) {
      throw new UncheckedIOException("metrics cannot be served on port " + port, error);
    }
  }

  private static final class BoundReporter extends AbstractPrometheusReporter {
    private final HTTPServer server;

    BoundReporter(InetSocketAddress address) throws IOException {
      server = new HTTPServer(address, registry);
    }

    @Override
    public void close() {
      server.stop();
      super.close();
    }
  }
}
