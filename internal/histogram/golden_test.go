package histogram_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/goldentest"
	"github.com/runhook/runhook/internal/histogram"
)

// golden is one array, the HistogramProto that TensorFlow 2.21.0's v1 op made
// of it, the rows that TensorBoard 2.21.0 read from that, and the rows that the
// v2 op made, by default 30.
type golden struct {
	Input struct {
		DType string
		Data  []number
	}
	TF1 struct {
		Min, Max, Num, Sum number
		SumSquares         number   `json:"sum_squares"`
		Upper              []number `json:"bucket_limit"`
		Counts             []number `json:"bucket"`
		Error              struct{ Message string }
		Signal             int `json:"process_died_with_signal"`
	}
	Read struct{ Rows [][]number } `json:"tf1_read_by_python"`
	TF2  [][]number                `json:"tf2"`
	TF21 [][]number                `json:"tf2_1"`
	TF23 [][]number                `json:"tf2_3"`
	TF2X [][]number                `json:"tf2_10"`
}

// number is a JSON number or one of the strings NaN, Infinity and -Infinity.
type number string

func (n *number) UnmarshalJSON(text []byte) error {
	*n = number(strings.Trim(string(text), `"`))
	if truth, ok := map[number]number{"true": "1", "false": "0"}[*n]; ok {
		*n = truth
	}
	return nil
}

func (n number) float(t *testing.T) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(string(n), 64)
	require.NoError(t, err)
	return v
}

func floats(t *testing.T, numbers []number) []float64 {
	t.Helper()
	var values []float64
	for _, n := range numbers {
		values = append(values, n.float(t))
	}
	return values
}

// input adds the golden's array, by its type; ok is false if that is none of
// numbers.
func (g golden) input(t *testing.T, h *histogram.Histogram) (ok bool) {
	t.Helper()
	switch g.Input.DType {
	case "float64":
		histogram.Add(h, floats(t, g.Input.Data))
	case "float32", "float16", "bfloat16":
		var values []float32
		for _, v := range floats(t, g.Input.Data) {
			values = append(values, float32(v))
		}
		histogram.Add(h, values)
	case "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32":
		var values []int64
		for _, n := range g.Input.Data {
			v, err := strconv.ParseInt(string(n), 10, 64)
			require.NoError(t, err)
			values = append(values, v)
		}
		histogram.Add(h, values)
	case "uint64":
		var values []uint64
		for _, n := range g.Input.Data {
			v, err := strconv.ParseUint(string(n), 10, 64)
			require.NoError(t, err)
			values = append(values, v)
		}
		histogram.Add(h, values)
	default:
		return false
	}
	return true
}

// readGoldens returns all cases by name; see package goldentest for more of them.
func readGoldens(t *testing.T) map[string]golden {
	t.Helper()
	all := make(map[string]golden)
	for i, goldens := range goldentest.Tables[map[string]golden](t, "histograms.json") {
		for name, g := range goldens {
			all[strings.Repeat("more ", i)+name] = g
		}
	}
	require.GreaterOrEqual(t, len(all), 34)
	return all
}

func TestGoldens(t *testing.T) {
	// One for all: a Reset that leaves something behind shows.
	var h histogram.Histogram
	for name, g := range readGoldens(t) {
		t.Run(name, func(t *testing.T) {
			h.Reset()
			numbers := g.input(t, &h)
			switch why := g.TF1.Error.Message; {
			case !numbers:
				assert.Contains(t, why, "not in list of allowed values")
			case g.TF1.Signal != 0: // TensorFlow died of DBL_MAX
				assert.Equal(t, math.MaxFloat64, h.Moments().Max)
				requireSame(t, histogramOf(t, floats(t, g.Input.Data)...), contents(&h))
			case strings.Contains(why, "Nan in"), strings.Contains(why, "Infinity in"):
				assert.NotZero(t, h.NonFinite)
				requireSame(t, histogramOf(t, floats(t, g.Input.Data)...), contents(&h))
			default:
				require.Empty(t, why)
				requireGolden(t, g, contents(&h))
			}
		})
	}
}

func requireGolden(t *testing.T, g golden, got content) {
	t.Helper()
	require.Equal(t, g.TF1.Num.float(t), float64(got.num))
	requireBits(t, floats(t, []number{g.TF1.Min, g.TF1.Max, g.TF1.Sum, g.TF1.SumSquares}),
		[]float64{got.moments.Min, got.moments.Max, got.moments.Sum, got.moments.SumSquares})
	requireBits(t, floats(t, g.TF1.Upper), got.upper)
	requireBits(t, floats(t, g.TF1.Counts), got.counts)
	var want, rounded []float64
	for _, row := range g.Read.Rows {
		want = append(want, floats(t, row)...)
	}
	for _, v := range got.rows {
		rounded = append(rounded, float64(float32(v)))
	}
	requireBits(t, want, rounded)
}
