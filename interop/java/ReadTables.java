import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.BaseTable;
import org.apache.iceberg.DeleteFile;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.IncrementalAppendScan;
import org.apache.iceberg.MetadataColumns;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.StaticTableOperations;
import org.apache.iceberg.Table;
import org.apache.iceberg.TableMetadata;
import org.apache.iceberg.TableMetadataParser;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.data.parquet.GenericParquetReaders;
import org.apache.iceberg.expressions.Expression;
import org.apache.iceberg.expressions.Expressions;
import org.apache.iceberg.hadoop.HadoopFileIO;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.parquet.Parquet;
import org.apache.iceberg.types.Type;
import org.apache.iceberg.types.TypeUtil;
import org.apache.iceberg.types.Types;
import org.apache.iceberg.util.SnapshotUtil;

/** Reads Iceberg tables with the Java library; requests and answers are those of read_tables.py. */
public class ReadTables {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Schema LINEAGE =
      new Schema(MetadataColumns.ROW_ID, MetadataColumns.LAST_UPDATED_SEQUENCE_NUMBER);

  public static void main(String[] args) throws Exception {
    HadoopFileIO io = new HadoopFileIO(new Configuration());
    ArrayNode answers = JSON.createArrayNode();
    for (JsonNode request : JSON.readTree(System.in)) {
      ObjectNode answer = answers.addObject();
      try {
        if (request.has("filters")) {
          filter(io, request, answer);
        } else if (request.has("after")) {
          readAppended(io, request, answer);
        } else {
          read(io, request, answer);
        }
      } catch (Exception | LinkageError error) {
        answer.removeAll();
        answer.put("error", error.toString());
      }
    }
    JSON.writeValue(System.out, answers);
  }

  private static void read(HadoopFileIO io, JsonNode request, ObjectNode answer) throws Exception {
    String location = request.get("metadata").asText();
    if (!request.has("snapshot") && !request.has("tag")) {
      answer.put("metadata", difference(io, location));
    }
    Table table = open(io, request);
    IcebergGenerics.ScanBuilder scan = IcebergGenerics.read(table);
    Schema schema = table.schema();
    if (request.has("snapshot") || request.has("tag")) {
      long snapshot =
          request.has("tag") ? table.snapshot(request.get("tag").asText()).snapshotId() : request.get("snapshot").asLong();
      scan = scan.useSnapshot(snapshot);
      schema = SnapshotUtil.schemaFor(table, snapshot);
    }
    if (request.path("lineage").asBoolean()) {
      schema = TypeUtil.join(schema, LINEAGE);
      scan = scan.project(schema);
    }
    try (CloseableIterable<Record> records = scan.build()) {
      addRows(records, schema, answer.putArray("rows"));
    }
  }

  private static void addRows(Iterable<Record> records, Schema schema, ArrayNode rows) {
    for (Record record : records) {
      ObjectNode row = rows.addObject();
      // Records carry metadata columns beside those of the schema where there are deletes.
      for (Types.NestedField field : schema.columns()) {
        row.put(field.name(), text(field.type(), record.getField(field.name())));
      }
    }
  }

  /** The rows of the files that came after a snapshot. */
  private static void readAppended(HadoopFileIO io, JsonNode request, ObjectNode answer) throws Exception {
    Table table = open(io, request);
    IncrementalAppendScan scan =
        table.newIncrementalAppendScan().fromSnapshotExclusive(request.get("after").asLong());
    ArrayNode rows = answer.putArray("rows");
    try (CloseableIterable<FileScanTask> tasks = scan.planFiles()) {
      for (FileScanTask task : tasks) {
        if (!task.deletes().isEmpty()) {
          throw new IllegalStateException("appended file " + task.file().location() + " has deletes");
        }
        try (CloseableIterable<Record> records =
            Parquet.read(io.newInputFile(task.file().location()))
                .project(table.schema())
                .createReaderFunc(file -> GenericParquetReaders.buildReader(table.schema(), file))
                .build()) {
          addRows(records, table.schema(), rows);
        }
      }
    }
  }

  private static Table open(HadoopFileIO io, JsonNode request) {
    String location = request.get("metadata").asText();
    return new BaseTable(new StaticTableOperations(location, io), request.get("table").asText());
  }

  /** What the library writes of the metadata must say the same as the file; null if it does. */
  private static String difference(HadoopFileIO io, String location) throws Exception {
    // Zeros at the end of a fraction of a second are not written.
    String text = Files.readString(Path.of(location)).replaceAll("(:\\d\\d)\\.0+\"|(:\\d\\d\\.\\d*[1-9])0+\"", "$1$2\"");
    JsonNode ours = JSON.readTree(text);
    JsonNode theirs = JSON.readTree(TableMetadataParser.toJson(TableMetadataParser.read(io, location)));
    for (Map.Entry<String, JsonNode> field : fields(ours)) {
      if (!field.getValue().equals(theirs.get(field.getKey()))) {
        return difference(field.getKey(), field.getValue(), theirs.get(field.getKey()));
      }
    }
    for (Map.Entry<String, JsonNode> field : fields(theirs)) {
      if (!ours.has(field.getKey()) && !field.getValue().isEmpty()) {
        return field.getKey() + " is missing, written as " + field.getValue();
      }
    }
    return totals(new BaseTable(new StaticTableOperations(location, io), location));
  }

  /** The totals of the current snapshot must be those of its files; null if they are. */
  private static String totals(Table table) throws Exception {
    Snapshot snapshot = table.currentSnapshot();
    if (snapshot == null) {
      return null;
    }
    long files = 0;
    long records = 0;
    Map<String, Long> deletes = new HashMap<>();
    try (CloseableIterable<FileScanTask> tasks = table.newScan().planFiles()) {
      for (FileScanTask task : tasks) {
        files++;
        records += task.file().recordCount();
        for (DeleteFile file : task.deletes()) {
          deletes.put(file.location() + " " + file.contentOffset(), file.recordCount());
        }
      }
    }
    long positions = deletes.values().stream().mapToLong(Long::longValue).sum();
    Map<String, Long> found =
        Map.of(
            "total-data-files", files,
            "total-records", records,
            "total-delete-files", (long) deletes.size(),
            "total-position-deletes", positions);
    for (Map.Entry<String, Long> each : found.entrySet()) {
      String written = snapshot.summary().get(each.getKey());
      if (!each.getValue().toString().equals(written)) {
        return each.getKey() + " is " + written + ", the files have " + each.getValue();
      }
    }
    return null;
  }

  /** The innermost place at which they differ. */
  private static String difference(String place, JsonNode ours, JsonNode theirs) {
    if (ours.isContainerNode() && theirs != null && ours.size() == theirs.size()) {
      for (Map.Entry<String, JsonNode> field : fields(ours)) {
        if (!field.getValue().equals(theirs.get(field.getKey()))) {
          return difference(place + "." + field.getKey(), field.getValue(), theirs.get(field.getKey()));
        }
      }
      for (int i = 0; ours.isArray() && i < ours.size(); i++) {
        if (!ours.get(i).equals(theirs.get(i))) {
          return difference(place + "." + i, ours.get(i), theirs.get(i));
        }
      }
    }
    return place + " is " + ours + ", written as " + theirs;
  }

  private static Iterable<Map.Entry<String, JsonNode>> fields(JsonNode object) {
    return object::fields;
  }

  private static void filter(HadoopFileIO io, JsonNode request, ObjectNode answer) {
    Table table = open(io, request);
    ArrayNode matches = answer.putArray("matches");
    int files = 0;
    for (JsonNode each : request.get("filters")) {
      try {
        Expression expression = expression(each);
        ArrayNode ids = JSON.createArrayNode();
        try (CloseableIterable<Record> records =
            IcebergGenerics.read(table).where(expression).select("id").build()) {
          for (Record record : records) {
            ids.add((Integer) record.getField("id"));
          }
        }
        try (CloseableIterable<FileScanTask> tasks = table.newScan().filter(expression).planFiles()) {
          for (FileScanTask ignored : tasks) {
            files++;
          }
        }
        matches.add(ids);
      } catch (Exception error) {
        matches.add(error.toString());
      }
    }
    answer.put("files", files);
  }

  private static Expression expression(JsonNode request) {
    String column = request.get("column").asText();
    List<Object> values = new ArrayList<>();
    for (JsonNode value : request.get("values")) {
      values.add(value(request.get("type").asText(), value.asText()));
    }
    Expression notNull = Expressions.notNull(column);
    switch (request.get("operator").asText()) {
      case "eq":
        return Expressions.equal(column, values.get(0));
      case "ne":
        // Null differs from every value here; SQL has no such rows.
        return Expressions.and(Expressions.notEqual(column, values.get(0)), notNull);
      case "lt":
        // Null is less than every value here.
        return Expressions.and(Expressions.lessThan(column, values.get(0)), notNull);
      case "lte":
        return Expressions.and(Expressions.lessThanOrEqual(column, values.get(0)), notNull);
      case "gt":
        return Expressions.greaterThan(column, values.get(0));
      case "gte":
        return Expressions.greaterThanOrEqual(column, values.get(0));
      case "in":
        return Expressions.in(column, values);
      case "isNull":
        return Expressions.isNull(column);
      case "notNull":
        return notNull;
      case "isNan":
        return Expressions.isNaN(column);
      case "prefix":
        return Expressions.startsWith(column, (String) values.get(0));
      default:
        throw new IllegalArgumentException(request.toString());
    }
  }

  private static Object value(String type, String text) {
    if (type.startsWith("decimal")) {
      return new BigDecimal(text);
    } else if (type.startsWith("fixed")) {
      return bytes(text);
    }
    switch (type) {
      case "boolean":
        return Boolean.valueOf(text);
      case "int":
        return Integer.valueOf(text);
      case "long":
        return Long.valueOf(text);
      case "float":
        return Float.valueOf(text);
      case "double":
        return Double.valueOf(text);
      case "uuid":
        return UUID.fromString(text);
      case "binary":
        return bytes(text);
      case "time":
        return LocalTime.ofNanoOfDay(Long.parseLong(text) * 1000).toString();
      case "timestamp":
        return moment(text).toLocalDateTime().toString();
      case "timestamptz":
        return moment(text).toString();
      default:
        return text;
    }
  }

  private static OffsetDateTime moment(String micros) {
    return Instant.EPOCH.plus(Long.parseLong(micros), ChronoUnit.MICROS).atOffset(ZoneOffset.UTC);
  }

  private static ByteBuffer bytes(String hex) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex));
  }

  /** Null within a list, a map or a struct is None. */
  private static String part(Type type, Object value) {
    String text = text(type, value);
    return text == null ? "None" : text;
  }

  private static String text(Type type, Object value) {
    if (value == null) {
      return null;
    } else if (value instanceof Record struct) {
      StringJoiner fields = new StringJoiner(",", "{", "}");
      for (Types.NestedField field : type.asStructType().fields()) {
        fields.add(field.name() + ":" + part(field.type(), struct.getField(field.name())));
      }
      return fields.toString();
    } else if (value instanceof List<?> list) {
      Type element = type.asListType().elementType();
      return list.stream().map(each -> part(element, each)).collect(Collectors.joining(",", "[", "]"));
    } else if (value instanceof Map<?, ?> map) {
      Types.MapType types = type.asMapType();
      if (map.isEmpty()) {
        return "[]";
      }
      return map.entrySet().stream()
          .map(each -> part(types.keyType(), each.getKey()) + ":" + part(types.valueType(), each.getValue()))
          .sorted(ReadTables::compareUtf8)
          .collect(Collectors.joining(",", "{", "}"));
    } else if (value instanceof Double || value instanceof Float) {
      return String.format("%016x", Double.doubleToRawLongBits(((Number) value).doubleValue()));
    } else if (value instanceof BigDecimal decimal) {
      return decimal.toPlainString();
    } else if (value instanceof OffsetDateTime moment) {
      return String.valueOf(ChronoUnit.MICROS.between(Instant.EPOCH, moment.toInstant()));
    } else if (value instanceof LocalDateTime moment) {
      return String.valueOf(ChronoUnit.MICROS.between(Instant.EPOCH, moment.toInstant(ZoneOffset.UTC)));
    } else if (value instanceof LocalTime time) {
      return String.valueOf(time.toNanoOfDay() / 1000);
    } else if (value instanceof ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return hex(bytes);
    } else if (value instanceof byte[] bytes) {
      return hex(bytes);
    }
    return value.toString();
  }

  private static int compareUtf8(String a, String b) {
    return Arrays.compareUnsigned(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
  }

  private static String hex(byte[] bytes) {
    StringBuilder out = new StringBuilder();
    for (byte b : bytes) {
      out.append(String.format("%02x", b));
    }
    return out.toString();
  }
}
