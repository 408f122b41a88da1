package cli

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/runhook/runhook/summary/eventlog"
)

// malformed reports whether the error is that of a value, not of writing.
func malformed(err error) bool { return errors.Is(err, eventlog.ErrMalformed) }

// csvSink writes scalars as CSV with a head.
type csvSink struct {
	w    *csv.Writer
	axes *axes // nil: no column x
	row  []string
}

func newCSVSink(w io.Writer, axes *axes) (*csvSink, error) {
	s := &csvSink{w: csv.NewWriter(w), axes: axes}
	head := []string{"run", "tag", "step", "wall_time", "value"}
	if axes != nil {
		head = append(head, "x")
	}
	return s, s.w.Write(head)
}

func (s *csvSink) add(e *eventlog.Event, v *eventlog.Value) (bool, error) {
	if v.Kind != eventlog.KindScalar {
		return false, nil
	}
	x, err := v.Scalar()
	if err != nil {
		return false, err
	}
	s.row = append(s.row[:0], e.Run, v.Tag, strconv.FormatInt(e.Step, 10), decimal(e.WallTime, 'f'), decimal(x, 'g'))
	if s.axes != nil {
		place := ""
		if at := s.axes.at(e.Run, e.Step); !math.IsNaN(at) {
			place = decimal(at, 'g')
		}
		s.row = append(s.row, place)
	}
	return true, s.w.Write(s.row)
}

// decimal writes a number so that it reads back the same, NaN and infinities as
// C, Python, R and Julia read them.
func decimal(x float64, format byte) string {
	switch {
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 1):
		return "inf"
	case math.IsInf(x, -1):
		return "-inf"
	}
	return strconv.FormatFloat(x, format, -1, 64)
}

func (s *csvSink) close() error {
	s.w.Flush()
	return s.w.Error()
}

// ndjsonSink writes values of every kind, one a line.
type ndjsonSink struct {
	w     *bufio.Writer
	blobs bool
	axes  *axes // nil: no field x
}

func newNDJSONSink(w io.Writer, blobs bool, axes *axes) *ndjsonSink {
	return &ndjsonSink{bufio.NewWriterSize(w, 1<<16), blobs, axes}
}

type rowJSON struct {
	Run      string  `json:"run"`
	Step     int64   `json:"step"`
	X        *number `json:"x,omitempty"`
	WallTime number  `json:"wall_time"`
	valueJSON
}

func (s *ndjsonSink) add(e *eventlog.Event, v *eventlog.Value) (bool, error) {
	j, malformed := describe(v, s.blobs)
	row := rowJSON{Run: e.Run, Step: e.Step, WallTime: number(e.WallTime), valueJSON: j}
	if s.axes != nil {
		if at := number(s.axes.at(e.Run, e.Step)); !math.IsNaN(float64(at)) {
			row.X = &at
		}
	}
	err := writeLine(s.w, row)
	if err == nil {
		err = malformed
	}
	return true, err
}

func (s *ndjsonSink) close() error { return s.w.Flush() }

// A parquetRow is a scalar.
type parquetRow struct {
	Run      string  `parquet:"run,dict"`
	Tag      string  `parquet:"tag,dict"`
	Step     int64   `parquet:"step,delta"`
	WallTime float64 `parquet:"wall_time"`
	Value    float64 `parquet:"value"`
}

// rowGroup is how many rows are in memory until they are written.
const rowGroup = 1 << 17

// parquetSink writes scalars.
type parquetSink struct {
	w    *parquet.GenericWriter[parquetRow]
	rows []parquetRow
}

func newParquetSink(w io.Writer) *parquetSink {
	return &parquetSink{
		w:    parquet.NewGenericWriter[parquetRow](w, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(rowGroup)),
		rows: make([]parquetRow, 0, 1024),
	}
}

func (s *parquetSink) add(e *eventlog.Event, v *eventlog.Value) (bool, error) {
	if v.Kind != eventlog.KindScalar {
		return false, nil
	}
	x, err := v.Scalar()
	if err != nil {
		return false, err
	}
	s.rows = append(s.rows, parquetRow{e.Run, v.Tag, e.Step, e.WallTime, x})
	if len(s.rows) < cap(s.rows) {
		return true, nil
	}
	return true, s.flush()
}

func (s *parquetSink) flush() error {
	_, err := s.w.Write(s.rows)
	s.rows = s.rows[:0]
	return err
}

func (s *parquetSink) close() error { return errors.Join(s.flush(), s.w.Close()) }
