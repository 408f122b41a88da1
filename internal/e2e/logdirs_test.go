package e2e

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryReaderShows has the readers show log directories. To check another
// one, add an entry: write fills the empty directory, shown lists all that must
// be seen there.
func TestEveryReaderShows(t *testing.T) {
	for _, test := range []struct {
		name  string
		write func(t *testing.T, dir string)
		shown []shown
	}{
		{
			name:  "TensorFlow's v1 scalars",
			write: recorded("tf1_scalar"),
			shown: []shown{
				{
					tag: "loss", plugin: "scalars",
					steps: []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
					values: []float64{0.25, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.Inf(1),
						math.SmallestNonzeroFloat32, 0.1, 0, math.Inf(-1), 1 << 24, math.MaxFloat32},
				},
				{tag: "step/negative", plugin: "scalars", steps: []int64{-1}, values: []float64{1}},
				{tag: "step/most_negative", plugin: "scalars", steps: []int64{math.MinInt64}, values: []float64{1}},
				{tag: "step/beyond_2_53", plugin: "scalars", steps: []int64{1<<53 + 1}, values: []float64{1}},
				{tag: "step/largest", plugin: "scalars", steps: []int64{math.MaxInt64}, values: []float64{1}},
				{tag: "step/none", plugin: "scalars", steps: []int64{0}, values: []float64{1}},
				{tag: "dtype/int64", plugin: "scalars", steps: []int64{20}, values: []float64{1 << 24}},
				{tag: "dtype/int32", plugin: "scalars", steps: []int64{20}, values: []float64{-7}},
				{tag: "dtype/uint8", plugin: "scalars", steps: []int64{20}, values: []float64{255}},
				{tag: "dtype/float16", plugin: "scalars", steps: []int64{20}, values: []float64{0.0999755859375}},
				{tag: "dtype/bfloat16", plugin: "scalars", steps: []int64{20}, values: []float64{0.15625}},
				{tag: "dtype/uint64", plugin: "scalars", steps: []int64{20}, values: []float64{1 << 63}},
			},
		},
		{
			name:  "TensorFlow's v2 scalars",
			write: recorded("tf2_scalar"),
			shown: []shown{
				{
					tag: "loss", plugin: "scalars",
					steps: []int64{0, 1, 2, 3, 4, 6, 7},
					values: []float64{0.25, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1),
						math.SmallestNonzeroFloat32, 0.1},
					wallTimes: []float64{1577836800.25, 1577836800.5, 1577836800.75, 1577836801, 1577836801.25, 1577836801.5, 1577836801.75},
				},
				{tag: "step/negative", plugin: "scalars", steps: []int64{-1}, values: []float64{1}},
				{tag: "step/most_negative", plugin: "scalars", steps: []int64{math.MinInt64}, values: []float64{1}},
				{tag: "step/beyond_2_53", plugin: "scalars", steps: []int64{1<<53 + 1}, values: []float64{1}},
				{tag: "step/largest", plugin: "scalars", steps: []int64{math.MaxInt64}, values: []float64{1}},
				{
					tag: "described", plugin: "scalars", steps: []int64{0, 1}, values: []float64{1, 2},
					description: "<p>A <em>scalar</em></p>",
				},
				{tag: "int", plugin: "scalars", steps: []int64{0}, values: []float64{1 << 24}},
				{tag: "f64", plugin: "scalars", steps: []int64{0, 1}, values: []float64{0.1, math.Inf(1)}},
				{tag: "f16", plugin: "scalars", steps: []int64{0}, values: []float64{0.0999755859375}},
				{tag: "bool", plugin: "scalars", steps: []int64{0}, values: []float64{1}},
			},
		},
		{
			name:  "TensorFlow's v2 histograms",
			write: recorded("tf2_histogram"),
			shown: []shown{
				{tag: "weights", plugin: "histograms", steps: []int64{0, 1, 2, 3, 4}},
				{
					tag: "buckets", plugin: "histograms", steps: []int64{0, 1, 2, 5},
					values: [][][3]float64{
						{},
						{{-0.699999988079071, 5, 6}},
						{{-0.699999988079071, 2.1500000059604645, 2}, {2.1500000059604645, 5, 4}},
						{
							{-0.699999988079071, 0.4400000095367431, 2},
							{0.4400000095367431, 1.5800000071525573, 0},
							{1.5800000071525573, 2.7200000047683712, 0},
							{2.7200000047683712, 3.8600000023841856, 0},
							{3.8600000023841856, 5, 4},
						},
					},
				},
				{tag: "i64", plugin: "histograms", steps: []int64{0}, description: "<p>ints</p>"},
				{
					tag: "bool", plugin: "histograms", steps: []int64{0},
					values: [][][3]float64{{{0, 1. / 3, 1}, {1. / 3, 2. / 3, 0}, {2. / 3, 1, 2}}},
				},
				{tag: "f16", plugin: "histograms", steps: []int64{0}},
				{
					tag: "nonfinite", plugin: "histograms", steps: []int64{0, 1},
					values: [][][3]float64{
						{{math.NaN(), math.NaN(), 0}, {math.NaN(), math.NaN(), 0}, {math.NaN(), math.NaN(), 0}},
						{{1, math.Inf(1), 2}, {math.Inf(1), math.Inf(1), 0}, {math.Inf(1), math.Inf(1), 0}},
					},
				},
			},
		},
		{
			name:  "TensorFlow's v1 images",
			write: recorded("tf1_image_uint8"),
			shown: []shown{
				{tag: "c1/image/0", plugin: "images", steps: []int64{0}, values: [][]string{{"74 bytes, sha256 d4a181d98d6f1f60"}}},
				{tag: "c3/image/0", plugin: "images", steps: []int64{0}, values: [][]string{{"83 bytes, sha256 44f6c39b0a85e64d"}}},
				{tag: "c4/image/0", plugin: "images", steps: []int64{0}, values: [][]string{{"86 bytes, sha256 f34813b0bdcf0c5a"}}},
				{tag: "one/image", plugin: "images", steps: []int64{1}, values: [][]string{{"83 bytes, sha256 44f6c39b0a85e64d"}}},
				{tag: "two/image/0", plugin: "images", steps: []int64{1}, values: [][]string{{"74 bytes, sha256 d4a181d98d6f1f60"}}},
				{tag: "two/image/1", plugin: "images", steps: []int64{1}, values: [][]string{{"74 bytes, sha256 ea95f0c6b1926d63"}}},
				{tag: "three/image/0", plugin: "images", steps: []int64{1}, values: [][]string{{"71 bytes, sha256 03ef9ca097d36f8b"}}},
				{tag: "three/image/1", plugin: "images", steps: []int64{1}, values: [][]string{{"71 bytes, sha256 3f1da38f7440250e"}}},
			},
		},
		{
			name: "Text and scalars of two writers in two runs",
			write: func(t *testing.T, dir string) {
				recorded("tf1_text")(t, filepath.Join(dir, "notes"))
				recorded("keras_validation")(t, filepath.Join(dir, "fit", "validation"))
			},
			shown: []shown{
				{run: "notes", tag: "plain", plugin: "text", steps: []int64{0, 1}, values: []string{"<p>hello</p>", "<p>again</p>"}},
				{run: "notes", tag: "empty", plugin: "text", steps: []int64{0}, values: []string{""}},
				{run: "notes", tag: "markdown", plugin: "text", steps: []int64{0}},
				{run: "notes", tag: "unicode", plugin: "text", steps: []int64{0}, values: []string{"<p>größe 日本語 🚀      tab</p>"}},
				{run: "notes", tag: "vector", plugin: "text", steps: []int64{0}},
				{run: "notes", tag: "table", plugin: "text", steps: []int64{0}},
				{run: "notes", tag: "cube", plugin: "text", steps: []int64{0}},
				{run: "notes", tag: "none", plugin: "text", steps: []int64{0}, values: []string{"<table>\n<tbody>\n</tbody>\n</table>"}},
				{
					run: "fit/validation", tag: "evaluation_loss_vs_iterations", plugin: "scalars",
					steps: []int64{1, 2}, values: []float64{0.8655204772949219, 0.6176142692565918},
				},
				{
					run: "fit/validation", tag: "epoch_loss", plugin: "scalars",
					steps: []int64{0, 1}, values: []float64{0.8655204772949219, 0.6176142692565918},
				},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.write(t, dir)
			requireShown(t, dir, test.shown)
		})
	}
}

// recorded lays out a log directory of testdata/logdirs, which other writers
// wrote.
func recorded(name string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "logdirs", name))))
	}
}
