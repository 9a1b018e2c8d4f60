package tickloom;

import static tickloom.KafkaTables.BOUNDED;
import static tickloom.KafkaTables.GROUP;
import static tickloom.KafkaTables.IDLE_TIMEOUT;
import static tickloom.KafkaTables.OUT_OF_ORDERNESS;
import static tickloom.KafkaTables.PROPERTIES;
import static tickloom.KafkaTables.REGISTRY;
import static tickloom.KafkaTables.REGISTRY_SECRETS;
import static tickloom.KafkaTables.STOP_OFFSETS;
import static tickloom.KafkaTables.TOPIC;
import static tickloom.KafkaTables.map;
import static tickloom.KafkaTables.text;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.core.fs.Path;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;

/** `'connector' = 'tickloom'`: trades from Kafka or files: ticks, activity bars, runs of numbers, or one-second accumulators. */
public final class TickloomTableFactory implements DynamicTableSourceFactory {
  enum Emit { CANDLES, TICKS, BARS, RUNS }

  private static final ConfigOption<Emit> EMIT = ConfigOptions.key("emit").enumType(Emit.class).defaultValue(Emit.CANDLES)
      .withDescription("candles: one-second accumulators, rejected and late rows; ticks: a row a trade; bars: a row a bar; "
          + "runs: a row a run of consecutive sequence numbers");
  private static final ConfigOption<List<String>> FILES = ConfigOptions.key("files").stringType().asList().noDefaultValue()
      .withDescription("CSV files with a header, instead of Kafka");
  private static final ConfigOption<Map<String, String>> COLUMNS = map("columns", "field:column in the files,…");
  private static final ConfigOption<Map<String, String>> CONSTANTS = map("constants", "field:value for all rows,…");
  private static final ConfigOption<String> RULES = text("rules", "the validation rules, as udfs/rules.py writes them");
  private static final ConfigOption<String> CONDITIONS = text(
      "conditions", "the sale conditions, as udfs/conditions.py writes them; none: every trade is regular");
  private static final ConfigOption<List<String>> BARS = ConfigOptions.key("bars").stringType().asList().defaultValues()
      .withDescription("kinds and sizes of bars, such as tick=1000;dollar_run=100:10:1000");
  private static final ConfigOption<Integer> SPAN_TICKS = ConfigOptions.key("bar-span-ticks").intType().defaultValue(10_000);
  private static final ConfigOption<Integer> SPAN_BARS = ConfigOptions.key("bar-span-bars").intType().defaultValue(20);
  private static final ConfigOption<List<String>> NUMBERED = ConfigOptions.key("numbered").stringType().asList().defaultValues()
      .withDescription("patterns of the venues that number the messages of a symbol 1, 2, 3");

  @Override
  public String factoryIdentifier() {
    return "tickloom";
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return Set.of();
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Set.of(EMIT, REGISTRY, REGISTRY_SECRETS, TOPIC, GROUP, STOP_OFFSETS, BOUNDED, FILES, COLUMNS, CONSTANTS,
        OUT_OF_ORDERNESS, IDLE_TIMEOUT, RULES, CONDITIONS, BARS, SPAN_TICKS, SPAN_BARS, NUMBERED);
  }

  @Override
  public DynamicTableSource createDynamicTableSource(Context context) {
    FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
    helper.validateExcept(PROPERTIES);
    ReadableConfig config = helper.getOptions();
    boolean files = config.getOptional(FILES).isPresent();
    DataType rows = context.getPhysicalRowDataType();
    KafkaTables.checkColumns(this, rows, columns(config.get(EMIT)));
    Rules rules = Rules.parse(config.getOptional(RULES).orElseThrow(() ->
        new ValidationException("a 'tickloom' table needs 'rules'")));
    Source<Trade, ?, ?> source =
        files ? fileSource(config, rules) : kafkaSource(config, rules, context.getCatalogTable().getOptions());
    SourceOptions options = new SourceOptions(
        config.get(EMIT), files || config.get(BOUNDED), !config.get(STOP_OFFSETS).isEmpty(),
        config.get(OUT_OF_ORDERNESS).toMillis(), config.get(IDLE_TIMEOUT).toMillis(), bars(config),
        config.getOptional(CONDITIONS).map(Conditions::parse).orElseGet(Conditions::new),
        new Wildcards(config.get(NUMBERED)));
    return new TradesSource(source, options, rules, rows);
  }

  private static BarOptions bars(ReadableConfig config) {
    List<BarSpec> specs = config.get(BARS).stream().map(BarSpec::parse).toList();
    return new BarOptions(specs, config.get(SPAN_TICKS), config.get(SPAN_BARS));
  }

  private static List<String> columns(Emit emit) {
    return switch (emit) {
      case CANDLES -> Rows.CANDLE_COLUMNS;
      case TICKS -> Rows.TICK_COLUMNS;
      case BARS -> BarRows.COLUMNS;
      case RUNS -> Runs.COLUMNS;
    };
  }

  private static Source<Trade, ?, ?> fileSource(ReadableConfig config, Rules rules) {
    List<Path> files = config.get(FILES).stream().map(Path::new).toList();
    FileTrades format = new FileTrades(files, config.get(COLUMNS), config.get(CONSTANTS), rules);
    return FileSource.forBulkFileFormat(format, files.toArray(new Path[0])).build();
  }

  private static Source<Trade, ?, ?> kafkaSource(ReadableConfig config, Rules rules, Map<String, String> table) {
    String registry = KafkaTables.required(config, REGISTRY);
    return KafkaTables.source(config, table, new KafkaTrades(registry, config.get(REGISTRY_SECRETS), rules));
  }
}
