package summary_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func TestAHistogramIsMadeOfAnyNumbers(t *testing.T) {
	numbers := []float64{0, 1, 1, 200, 100}
	for name, values := range map[string]session.Value{
		"float32":               session.TensorOf([]float32{0, 1, 1, 200, 100}),
		"float64":               session.TensorOf(numbers, 5, 1),
		"int32":                 session.TensorOf([]int32{0, 1, 1, 200, 100}, 1, 5),
		"int64":                 session.TensorOf([]int64{0, 1, 1, 200, 100}),
		"uint8":                 session.TensorOf([]uint8{0, 1, 1, 200, 100}),
		"a Go slice":            session.Any([]int{0, 1, 1, 200, 100}),
		"with what is infinite": session.TensorOf([]float64{0, 1, math.NaN(), 1, math.Inf(1), 200, 100, math.Inf(-1)}),
	} {
		t.Run(name, func(t *testing.T) {
			got := written(t, summary.Histogram("w", "x"), fetchedX(t, values))
			require.Len(t, got, 1)
			requireEqualMessage(t, histogramMessage("w", numbers), got[0])
		})
	}
}

func TestAHistogramIsMadeOfASingleNumber(t *testing.T) {
	for name, value := range map[string]session.Value{
		"float32": session.Float32(2), "float64": session.Float64(2), "int64": session.Int64(2),
		"a tensor": session.TensorOf([]int32{2}), "a tensor without dimensions": session.TensorValue(session.Tensor{Data: []uint8{2}}),
	} {
		t.Run(name, func(t *testing.T) {
			got := written(t, summary.Histogram("w", "x"), fetchedX(t, value))
			requireEqualMessage(t, histogramMessage("w", []float64{2}), got[0])
		})
	}
}

func TestAHistogramWithoutNumbersIsEmpty(t *testing.T) {
	for name, values := range map[string]session.Value{
		"an empty tensor": session.TensorOf([]float32{}, 0, 7),
		"an empty slice":  session.Any([]float64(nil)),
		"nothing finite":  session.TensorOf([]float64{math.NaN(), math.Inf(1)}),
		"a single NaN":    session.Float64(math.NaN()),
	} {
		t.Run(name, func(t *testing.T) {
			got := written(t, summary.Histogram("w", "x"), fetchedX(t, values))
			requireEqualMessage(t, histogramMessage("w", nil), got[0])
		})
	}
}

func TestHugeHistogramsAreOneEvent(t *testing.T) {
	values := make([]float32, 1<<20)
	for i := range values {
		values[i] = float32(math.Sin(float64(i))) * float32(math.Pow(10, float64(i%40-20)))
	}
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{})
	require.NoError(t, w.Histogram("w", values, 1))
	require.NoError(t, w.Close())
	events := withoutVersion(t, decode(t, f.contents()))
	require.Len(t, events, 1)
	tensor := events[0].GetSummary().GetValue()[0].GetTensor()
	require.Equal(t, eventpb.DataType_DOUBLE, tensor.GetDtype())
	require.Len(t, tensor.GetTensorContent(), int(tensor.GetTensorShape().GetDim()[0].GetSize())*3*8)
}

func TestWhatHoldsNoNumbersIsNoHistogram(t *testing.T) {
	for _, c := range []struct {
		name  string
		value session.Value
		want  string
	}{
		{"none", session.Value{}, `summary: histogram "w": values are a <nil>, want a slice of numbers or a tensor (fetch "x")`},
		{"a string", session.String("1"), `summary: histogram "w": values are a string, want a slice of numbers or a tensor (fetch "x")`},
		{"truth", session.TensorOf([]bool{true, false}), `summary: histogram "w": a tensor of bool, want numbers (fetch "x")`},
		{"one truth", session.TensorOf([]bool{true}), `summary: histogram "w": a tensor of bool, want numbers (fetch "x")`},
		{"text", session.TensorOf([]string{"1"}), `summary: histogram "w": a tensor of string, want numbers (fetch "x")`},
		{"a shape that does not fit", session.TensorOf([]float32{1, 2}, 3), `summary: histogram "w": tensor shape [3] holds 3 elements, data has 2 (fetch "x")`},
		{"a shape that does not fit one number", session.TensorOf([]float32{1}, 3), `summary: histogram "w": tensor shape [3] holds 3 elements, data has 1 (fetch "x")`},
		{"a type that no tensor has", session.TensorValue(session.Tensor{Shape: []int{1}, Data: []uint16{1}}), `summary: histogram "w": tensor data of type []uint16, want a slice of float32, float64, int32, int64, uint8, bool or string (fetch "x")`},
		{"a foreign type", session.Any([]complex128{1}), `summary: histogram "w": values are a []complex128, want a slice of numbers or a tensor (fetch "x")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := summary.Histogram("w", "x").AppendValues(nil, fetchedX(t, c.value))
			require.EqualError(t, err, c.want)
		})
	}
}

func TestAPlainLoopGetsTheSameHistograms(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{})
	for _, values := range []any{
		[]float32{1, 2}, []float64{1, 2}, []int{1, 2}, []int32{1, 2}, []int64{1, 2}, []uint8{1, 2},
		session.Tensor{Shape: []int{2}, Data: []int64{1, 2}},
	} {
		require.NoError(t, w.Histogram("w", values, 1))
	}
	require.EqualError(t, w.Histogram("w", 3, 1), `summary: histogram "w": values are a int, want a slice of numbers or a tensor`)
	require.EqualError(t, w.Histogram("w", nil, 1), `summary: histogram "w": values are a <nil>, want a slice of numbers or a tensor`)
	require.NoError(t, w.Close())
	events := withoutVersion(t, decode(t, f.contents()))
	require.Len(t, events, 7)
	for _, e := range events {
		v := e.GetSummary().GetValue()[0]
		v.Metadata = classed("histograms", eventpb.DataClass_TENSOR)
		requireEqualMessage(t, histogramMessage("w", []float64{1, 2}), v)
	}
}
