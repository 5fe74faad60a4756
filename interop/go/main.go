// Reads Iceberg tables with the Go library; requests and answers are those of read_tables.py.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

type request struct {
	Metadata string `json:"metadata"`
	Snapshot *int64 `json:"snapshot"`
	Tag      string `json:"tag"`
}

type answer struct {
	Rows  []map[string]*string `json:"rows"`
	Error string               `json:"error,omitempty"`
}

func main() {
	var requests []request
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		panic(err)
	}
	answers := []answer{}
	for _, request := range requests {
		rows, err := read(request)
		if err != nil {
			answers = append(answers, answer{Error: err.Error()})
		} else {
			answers = append(answers, answer{Rows: rows})
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}

func read(request request) (rows []map[string]*string, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	ctx := context.Background()
	files := func(context.Context) (io.IO, error) { return io.LocalFS{}, nil }
	found, err := table.NewFromLocation(ctx, table.Identifier{"meru", "table"}, request.Metadata, files, nil)
	if err != nil {
		return nil, err
	}
	options := []table.ScanOption{}
	if request.Snapshot != nil {
		options = append(options, table.WithSnapshotID(*request.Snapshot))
	}
	scan := found.Scan(options...)
	if request.Tag != "" {
		if scan, err = scan.UseRef(request.Tag); err != nil {
			return nil, err
		}
	}
	result, err := scan.ToArrowTable(ctx)
	if err != nil {
		return nil, err
	}
	defer result.Release()
	rows = make([]map[string]*string, result.NumRows())
	for i := range rows {
		rows[i] = map[string]*string{}
	}
	for i := 0; i < int(result.NumCols()); i++ {
		column := result.Column(i)
		row := 0
		for _, chunk := range column.Data().Chunks() {
			for at := 0; at < chunk.Len(); at++ {
				rows[row][column.Name()] = text(chunk, at)
				row++
			}
		}
	}
	return rows, nil
}

// Null within a list, a map or a struct is None.
func part(values arrow.Array, i int) string {
	if spelled := text(values, i); spelled != nil {
		return *spelled
	}
	return "None"
}

func text(values arrow.Array, i int) *string {
	if values.IsNull(i) {
		return nil
	}
	spelled := ""
	switch typed := values.(type) {
	case *array.Map:
		spelled = mapText(typed, i)
	case array.ListLike:
		start, end := typed.ValueOffsets(i)
		parts := []string{}
		for at := start; at < end; at++ {
			parts = append(parts, part(typed.ListValues(), int(at)))
		}
		spelled = "[" + strings.Join(parts, ",") + "]"
	case *array.Struct:
		parts := []string{}
		for at, field := range typed.DataType().(*arrow.StructType).Fields() {
			parts = append(parts, field.Name+":"+part(typed.Field(at), i))
		}
		spelled = "{" + strings.Join(parts, ",") + "}"
	case *array.Float32:
		spelled = fmt.Sprintf("%016x", math.Float64bits(float64(typed.Value(i))))
	case *array.Float64:
		spelled = fmt.Sprintf("%016x", math.Float64bits(typed.Value(i)))
	case *array.Timestamp:
		spelled = strconv.FormatInt(int64(typed.Value(i)), 10)
	case *array.Time64:
		spelled = strconv.FormatInt(int64(typed.Value(i)), 10)
	case *array.Date32:
		spelled = time.Unix(int64(typed.Value(i))*86400, 0).UTC().Format("2006-01-02")
	case *array.Binary:
		spelled = hex.EncodeToString(typed.Value(i))
	case *array.LargeBinary:
		spelled = hex.EncodeToString(typed.Value(i))
	case *array.FixedSizeBinary:
		spelled = hex.EncodeToString(typed.Value(i))
	case *array.Decimal128:
		scale := typed.DataType().(*arrow.Decimal128Type).Scale
		spelled = typed.Value(i).ToString(scale)
	default:
		spelled = values.ValueStr(i)
	}
	return &spelled
}

// An empty map looks like an empty list.
func mapText(values *array.Map, i int) string {
	start, end := values.ValueOffsets(i)
	if start == end {
		return "[]"
	}
	parts := []string{}
	for at := int(start); at < int(end); at++ {
		parts = append(parts, part(values.Keys(), at)+":"+part(values.Items(), at))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
