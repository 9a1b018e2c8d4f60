package tickloom.lake;

import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.catalog.Catalog;
import org.apache.flink.table.factories.CatalogFactory;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.flink.CatalogLoader;
import org.apache.iceberg.flink.FlinkCatalog;

/**
 * `'type' = 'tickloom-lake'`: Iceberg for a job that brings its own Hadoop, where `'type' = 'iceberg'` asks the cluster
 * for one. It does not show its options, the password among them, with every table.
 */
public final class LakeCatalogFactory implements CatalogFactory {
  @Override
  public String factoryIdentifier() {
    return "tickloom-lake";
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return Set.of();
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Set.of();
  }

  @Override
  public Catalog createCatalog(Context context) {
    String name = context.getName();
    CatalogLoader loader =
        CatalogLoader.custom(name, context.getOptions(), new Configuration(), LakeCatalog.class.getName());
    return new FlinkCatalog(name, "default", Namespace.empty(), loader, Map.of(), false, -1);
  }
}
