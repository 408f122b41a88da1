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
	w   *csv.Writer
	row [5]string
}

func newCSVSink(w io.Writer) (*csvSink, error) {
	s := &csvSink{w: csv.NewWriter(w)}
	return s, s.w.Write([]string{"run", "tag", "step", "wall_time", "value"})
}

func (s *csvSink) add(e *eventlog.Event, v *eventlog.Value) (bool, error) {
	if v.Kind != eventlog.KindScalar {
		return false, nil
	}
	x, err := v.Scalar()
	if err != nil {
		return false, err
	}
	s.row = [5]string{e.Run, v.Tag, strconv.FormatInt(e.Step, 10), decimal(e.WallTime, 'f'), decimal(x, 'g')}
	return true, s.w.Write(s.row[:])
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
}

func newNDJSONSink(w io.Writer, blobs bool) *ndjsonSink {
	return &ndjsonSink{bufio.NewWriterSize(w, 1<<16), blobs}
}

type rowJSON struct {
	Run      string `json:"run"`
	Step     int64  `json:"step"`
	WallTime number `json:"wall_time"`
	valueJSON
}

func (s *ndjsonSink) add(e *eventlog.Event, v *eventlog.Value) (bool, error) {
	j, malformed := describe(v, s.blobs)
	err := writeLine(s.w, rowJSON{e.Run, e.Step, number(e.WallTime), j})
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
