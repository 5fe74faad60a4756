import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.BaseTable;
import org.apache.iceberg.Schema;
import org.apache.iceberg.StaticTableOperations;
import org.apache.iceberg.Table;
import org.apache.iceberg.TableMetadata;
import org.apache.iceberg.TableMetadataParser;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.hadoop.HadoopFileIO;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.types.Types;
import org.apache.iceberg.util.SnapshotUtil;

/** Reads Iceberg tables with the Java library; requests and answers are those of read_tables.py. */
public class ReadTables {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    HadoopFileIO io = new HadoopFileIO(new Configuration());
    ArrayNode answers = JSON.createArrayNode();
    for (JsonNode request : JSON.readTree(System.in)) {
      ObjectNode answer = answers.addObject();
      try {
        read(io, request, answer.putArray("rows"));
      } catch (Exception | LinkageError error) {
        answer.removeAll();
        answer.put("error", error.toString());
      }
    }
    JSON.writeValue(System.out, answers);
  }

  private static void read(HadoopFileIO io, JsonNode request, ArrayNode rows) throws Exception {
    String location = request.get("metadata").asText();
    TableMetadata metadata = TableMetadataParser.read(io, location);
    // What the library writes of it must say the same as what it read.
    String written = TableMetadataParser.toJson(metadata);
    String again = TableMetadataParser.toJson(TableMetadataParser.fromJson(written));
    if (!written.equals(again)) {
      throw new IllegalStateException("metadata changes when it is written again");
    }
    Table table = new BaseTable(new StaticTableOperations(location, io), request.get("table").asText());
    IcebergGenerics.ScanBuilder scan = IcebergGenerics.read(table);
    Schema schema = table.schema();
    if (request.has("snapshot")) {
      long snapshot = request.get("snapshot").asLong();
      scan = scan.useSnapshot(snapshot);
      schema = SnapshotUtil.schemaFor(table, snapshot);
    }
    try (CloseableIterable<Record> records = scan.build()) {
      for (Record record : records) {
        ObjectNode row = rows.addObject();
        // Records carry metadata columns beside those of the schema where there are deletes.
        for (Types.NestedField field : schema.columns()) {
          row.put(field.name(), text(record.getField(field.name())));
        }
      }
    }
  }

  private static String text(Object value) {
    if (value == null) {
      return null;
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

  private static String hex(byte[] bytes) {
    StringBuilder out = new StringBuilder();
    for (byte b : bytes) {
      out.append(String.format("%02x", b));
    }
    return out.toString();
  }
}
