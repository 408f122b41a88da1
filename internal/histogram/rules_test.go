package histogram_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/goldentest"
	"github.com/runhook/runhook/internal/histogram"
)

var rules = map[string]histogram.Rule{
	"auto": histogram.Auto, "fd": histogram.FD, "doane": histogram.Doane, "scott": histogram.Scott,
	"stone": histogram.Stone, "rice": histogram.Rice, "sturges": histogram.Sturges, "sqrt": histogram.Sqrt,
}

// numpyCases are arrays and what NumPy 2.4 made of them; see testdata/rules.py.
type numpyCases struct {
	Cases map[string]struct {
		DType string
		Data  []byte
		NumPy map[string]numpyHistogram
	}
}

type numpyHistogram struct {
	Edges  []byte
	Counts []float64
	Error  string
}

func TestRulesMakeTheHistogramsOfNumPy(t *testing.T) {
	for _, table := range goldentest.Tables[numpyCases](t, "rules.json") {
		require.GreaterOrEqual(t, len(table.Cases), 200)
		for name, c := range table.Cases {
			require.Len(t, c.NumPy, len(rules))
			for rule, want := range c.NumPy {
				t.Run(name+" "+rule, func(t *testing.T) {
					switch c.DType {
					case "float64":
						requireRule(t, want, rules[rule], unpack[float64](t, c.Data))
					case "int64":
						requireRule(t, want, rules[rule], unpack[int64](t, c.Data))
					case "int32":
						requireRule(t, want, rules[rule], unpack[int32](t, c.Data))
					case "uint8":
						requireRule(t, want, rules[rule], c.Data)
					default:
						t.Fatalf("data are %s", c.DType)
					}
				})
			}
		}
	}
}

func unpack[T any](t *testing.T, data []byte) []T {
	t.Helper()
	var x T
	values := make([]T, len(data)/binary.Size(x))
	require.NoError(t, binary.Read(bytes.NewReader(data), binary.LittleEndian, values))
	return values
}

// requireRule requires NumPy's edges and counts, and where it failed, or came to no
// bucket, that there is one and all values are counted.
func requireRule[T histogram.Number](t *testing.T, want numpyHistogram, rule histogram.Rule, values []T) {
	t.Helper()
	before := slices.Clone(values)
	rows, nonFinite, err := histogram.AppendRuleRows([]float64{7}, values, rule, histogram.MaxEqualBuckets)
	require.NoError(t, err)
	require.Zero(t, nonFinite)
	require.Equal(t, before, values)

	wantRows := []float64{7}
	edges := unpack[float64](t, want.Edges)
	for i, n := range want.Counts {
		wantRows = append(wantRows, edges[i], edges[i+1], n)
	}
	if len(want.Counts) > 0 {
		requireBits(t, wantRows, rows)
		return
	}
	count := 0.0
	for row := range slices.Chunk(rows[1:], 3) {
		require.LessOrEqual(t, row[0], row[1])
		count += row[2]
	}
	require.EqualValues(t, len(values), count)
}

func TestRulesLeaveOutWhatIsNotFinite(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, rule := range rules {
		want, _, err := histogram.AppendRuleRows(nil, []float32{1, 2, 2, 5}, rule, 10)
		require.NoError(t, err)
		rows, nonFinite, err := histogram.AppendRuleRows(nil, []float32{float32(nan), 1, float32(inf), 2, 2, 5, -float32(inf)}, rule, 10)
		require.NoError(t, err)
		assert.Equal(t, want, rows, name)
		assert.Equal(t, histogram.NonFinite{NaNs: 1, PosInfs: 1, NegInfs: 1}, nonFinite)
		rows, nonFinite, err = histogram.AppendRuleRows(nil, []float64{nan}, rule, 10)
		require.NoError(t, err)
		assert.Equal(t, []float64{0, 1, 0}, rows, name)
		assert.Equal(t, histogram.NonFinite{NaNs: 1}, nonFinite)
	}
}

func TestRulesOfARangeBeyondDBLMax(t *testing.T) {
	small := []float64{-8, -5, -3, 0, 1, 2, 6, 8, 8}
	large := make([]float64, len(small))
	for i, v := range small {
		large[i] = v * 0x1p1020 // -2^1023 to 2^1023
	}
	for name, rule := range rules {
		rows, _, err := histogram.AppendRuleRows(nil, large, rule, 10)
		require.NoError(t, err)
		switch rule { // where squares overflow
		case histogram.Scott:
			assert.Equal(t, []float64{large[0], large[8], 9}, rows)
			continue
		case histogram.Doane: // all skewness is lost
			rule = histogram.Sturges
		}
		want, _, err := histogram.AppendRuleRows(nil, small, rule, 10)
		require.NoError(t, err)
		for i := range want {
			if i%3 < 2 {
				want[i] *= 0x1p1020
			}
		}
		assert.Equal(t, want, rows, name)
	}
}

// One outlier makes FD want a bucket for each 1e-9 of what it reaches to.
func TestBucketsOfRulesAreLimited(t *testing.T) {
	hostile := make([]float64, 1000)
	for i := range hostile {
		hostile[i] = 1e-9 * float64(i)
	}
	hostile[0] = -1e300
	for _, most := range []int{1, 7, histogram.MaxEqualBuckets} {
		rows, _, err := histogram.AppendRuleRows(nil, hostile, histogram.FD, most)
		require.NoError(t, err)
		require.Len(t, rows, 3*most)
		assert.Equal(t, []float64{-1e300, 1e-9 * 999}, []float64{rows[0], rows[len(rows)-2]})
	}
	for rule, wanted := range map[histogram.Rule]string{0: "rule 0, want 1 to 8", 9: "rule 9, want 1 to 8"} {
		_, _, err := histogram.AppendRuleRows(nil, hostile, rule, 1)
		assert.ErrorContains(t, err, wanted)
	}
	for _, most := range []int{-1, 0, histogram.MaxEqualBuckets + 1} {
		_, _, err := histogram.AppendRuleRows(nil, hostile, histogram.Auto, most)
		assert.ErrorContains(t, err, "buckets, want 1 to 1048576")
	}
}

// Orders like these are hard on a search for quartiles that picks bad pivots.
func TestRulesDoNotDependOnTheOrder(t *testing.T) {
	const n = 1 << 18
	for name, value := range map[string]func(i int) float64{
		"rising": func(i int) float64 { return float64(i) }, "falling": func(i int) float64 { return float64(-i) },
		"one differs": func(i int) float64 { return float64(i / (n - 1)) },
		"organ pipes": func(i int) float64 { return float64(min(i, n-i)) },
	} {
		values := make([]float64, n)
		for i := range values {
			values[i] = value(i)
		}
		sorted := slices.Sorted(slices.Values(values))
		want, _, err := histogram.AppendRuleRows(nil, sorted, histogram.FD, 1000)
		require.NoError(t, err)
		rows, _, err := histogram.AppendRuleRows(nil, values, histogram.FD, 1000)
		require.NoError(t, err)
		assert.Equal(t, want, rows, name)
	}
}

func FuzzAppendRuleRows(f *testing.F) {
	f.Add([]byte("12345678abcdefgh\x00\x00\x00\x00\x00\x00\xf0\x7f"), 1, 100)
	f.Add([]byte{24: 0xf0, 31: 0x7f}, 5, 9)
	f.Fuzz(func(t *testing.T, data []byte, rule, most int) {
		values := unpack[float64](t, data[:len(data)&^7])
		rows, nonFinite, err := histogram.AppendRuleRows(nil, values, histogram.Rule(rule&7+1), most&0xfff+1)
		require.NoError(t, err)
		require.NotEmpty(t, rows)
		count := float64(nonFinite.NaNs + nonFinite.PosInfs + nonFinite.NegInfs)
		for i := 0; i < len(rows); i += 3 {
			require.LessOrEqual(t, rows[i], rows[i+1])
			require.True(t, i == 0 || rows[i] == rows[i-2], "a gap before %v", rows[i])
			count += rows[i+2]
		}
		require.EqualValues(t, len(values), count)
	})
}
