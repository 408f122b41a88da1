package summary

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary/eventpb"
)

// DefaultNumThresholds is how many points a precision-recall curve has by default:
// TensorBoard's.
const DefaultNumThresholds = 201

// maxThresholds keeps a slip from asking for all memory.
const maxThresholds = 1 << 20

// minimumCount is what TensorBoard divides by instead of nothing.
const minimumCount = 1e-7

// PRCurveOptions say how a precision-recall curve is made. The zero value is
// TensorBoard's default.
type PRCurveOptions struct {
	// NumThresholds is how many points the curve has, for thresholds evenly from 0
	// to 1: 2 to 2²⁰. Default [DefaultNumThresholds].
	NumThresholds int
	// Weights are those of the predictions, finite and not negative. Default: 1 each.
	Weights []float64
}

// PRCurvePoints are those of a precision-recall curve: at each threshold, evenly from 0 to 1, what
// the predictions at or above it come to. All slices have one length, at least 2.
type PRCurvePoints struct {
	TruePositives, FalsePositives, TrueNegatives, FalseNegatives []float64
	Precision, Recall                                            []float64
}

// PRCurveValue returns the precision-recall curve of predictions, from 0 to 1, of
// what labels tell, as TensorBoard computes it.
func PRCurveValue[T float32 | float64](tag string, labels []bool, predictions []T, options PRCurveOptions) (Value, error) {
	curve, err := computePRCurve(labels, predictions, options)
	if err != nil {
		return Value{}, fmt.Errorf("summary: PR curve %q: %w", tag, err)
	}
	return PRCurveRawValue(tag, curve)
}

func computePRCurve[T float32 | float64](labels []bool, predictions []T, options PRCurveOptions) (PRCurvePoints, error) {
	n := options.NumThresholds
	if n == 0 {
		n = DefaultNumThresholds
	}
	switch {
	case n < 2 || n > maxThresholds:
		return PRCurvePoints{}, fmt.Errorf("%d thresholds, want 2 to %d", n, maxThresholds)
	case len(labels) != len(predictions):
		return PRCurvePoints{}, fmt.Errorf("%d labels and %d predictions", len(labels), len(predictions))
	case options.Weights != nil && len(options.Weights) != len(predictions):
		return PRCurvePoints{}, fmt.Errorf("%d weights and %d predictions", len(options.Weights), len(predictions))
	}
	tp, fp := make([]float64, n), make([]float64, n)
	for i, p := range predictions {
		if !(p >= 0 && p <= 1) {
			return PRCurvePoints{}, fmt.Errorf("prediction %d is %v, want 0 to 1", i, p)
		}
		weight := 1.0
		if options.Weights != nil {
			weight = options.Weights[i]
		}
		if !(weight >= 0) || math.IsInf(weight, 0) {
			return PRCurvePoints{}, fmt.Errorf("weight %d is %v, want a finite number of 0 or more", i, weight)
		}
		bucket := int(math.Floor(float64(p * T(n-1)))) // in the predictions' own precision
		if labels[i] {
			tp[bucket] += weight
		} else {
			fp[bucket] += weight
		}
	}
	for i := n - 2; i >= 0; i-- {
		tp[i] += tp[i+1]
		fp[i] += fp[i+1]
	}
	c := PRCurvePoints{
		TruePositives: tp, FalsePositives: fp, TrueNegatives: make([]float64, n), FalseNegatives: make([]float64, n),
		Precision: make([]float64, n), Recall: make([]float64, n),
	}
	for i := range n {
		c.TrueNegatives[i] = fp[0] - fp[i]
		c.FalseNegatives[i] = tp[0] - tp[i]
		c.Precision[i] = tp[i] / max(minimumCount, tp[i]+fp[i])
		c.Recall[i] = tp[i] / max(minimumCount, tp[i]+c.FalseNegatives[i])
	}
	return c, nil
}

// PRCurveRawValue returns a precision-recall curve that was computed elsewhere. It
// is kept as float32.
func PRCurveRawValue(tag string, c PRCurvePoints) (Value, error) {
	n := len(c.TruePositives)
	if n < 2 {
		return Value{}, fmt.Errorf("summary: PR curve %q: %d points, want at least 2", tag, n)
	}
	data := make([]float32, 0, 6*n)
	for _, row := range []struct {
		name   string
		values []float64
	}{
		{"TruePositives", c.TruePositives}, {"FalsePositives", c.FalsePositives}, {"TrueNegatives", c.TrueNegatives},
		{"FalseNegatives", c.FalseNegatives}, {"Precision", c.Precision}, {"Recall", c.Recall},
	} {
		if len(row.values) != n {
			return Value{}, fmt.Errorf("summary: PR curve %q: %d %s, want as many as there are TruePositives (%d)", tag, len(row.values), row.name, n)
		}
		for _, x := range row.values {
			data = append(data, float32(x))
		}
	}
	content, err := proto.Marshal(&eventpb.PrCurvePluginData{NumThresholds: uint32(n)})
	if err != nil {
		return Value{}, fmt.Errorf("summary: PR curve %q: %w", tag, err)
	}
	body, err := tensorField(session.Tensor{Shape: []int{6, n}, Data: data})
	if err != nil {
		return Value{}, fmt.Errorf("summary: PR curve %q: %w", tag, err)
	}
	return Value{tag: tag, metadata: encodeMetadata("pr_curves", content, classTensor), body: body}, nil
}

// PRCurve writes a precision-recall curve; see [PRCurveValue].
func (w *Writer) PRCurve(tag string, labels []bool, predictions []float32, options PRCurveOptions, step int64) error {
	v, err := PRCurveValue(tag, labels, predictions, options)
	return w.add(step, v, err)
}

// PRCurveRaw writes a precision-recall curve that was computed elsewhere.
func (w *Writer) PRCurveRaw(tag string, curve PRCurvePoints, step int64) error {
	v, err := PRCurveRawValue(tag, curve)
	return w.add(step, v, err)
}

// PRCurve returns an op that makes a precision-recall curve, of numThresholds
// points, 0 meaning [DefaultNumThresholds], of fetched tensors of as many
// elements: labels, of bools; predictions, of float32 or float64; and their
// weights, of float32 or float64, unless that name is "". The tag is name as
// [CleanName] gives it.
func PRCurve(name, labels, predictions, weights string, numThresholds int) Op {
	op := &madeOp{kind: "PR curve", tag: CleanName(name), fetches: []string{labels, predictions}}
	if weights != "" {
		op.fetches = append(op.fetches, weights)
	}
	if numThresholds < 0 || numThresholds == 1 || numThresholds > maxThresholds {
		op.fault = fmt.Errorf("%d thresholds, want 2 to %d, or 0 (%d)", numThresholds, maxThresholds, DefaultNumThresholds)
	}
	op.values = func(dst []Value, tag string, in []input) ([]Value, error) {
		v, err := fetchedPRCurve(tag, in, numThresholds)
		if err != nil {
			return dst, err
		}
		return append(dst, v), nil
	}
	return op
}

func fetchedPRCurve(tag string, in []input, numThresholds int) (Value, error) {
	const floats = "a tensor of float32 or float64"
	options := PRCurveOptions{NumThresholds: numThresholds}
	l, err := in[0].tensor("a tensor of bools")
	if err != nil {
		return Value{}, err
	}
	labels, ok := l.Data.([]bool)
	if !ok {
		return Value{}, in[0].want("a tensor of bools")
	}
	if len(in) > 2 {
		if options.Weights, ok = in[2].float64s(); !ok {
			return Value{}, in[2].want(floats)
		}
	}
	p, err := in[1].tensor(floats)
	if err != nil {
		return Value{}, err
	}
	switch predictions := p.Data.(type) {
	case []float32:
		return PRCurveValue(tag, labels, predictions, options)
	case []float64:
		return PRCurveValue(tag, labels, predictions, options)
	}
	return Value{}, in[1].want(floats)
}

// PRCurveRaw returns an op that makes a precision-recall curve of fetched
// [PRCurvePoints], by [session.Any].
func PRCurveRaw(name, fetch string) Op { return opOfAny("PR curve", name, fetch, PRCurveRawValue) }
