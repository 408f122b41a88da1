package summary_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/goldentest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
)

// fetched returns values as a run that fetched them hands them out.
func fetched(t testing.TB, values map[string]session.Value) session.Values {
	t.Helper()
	g := graph.New()
	var names []string
	for name, v := range values {
		g.Node(name, func(context.Context, []session.Value) (session.Value, error) { return v, nil })
		names = append(names, name)
	}
	s, err := g.NewSession(t.Context())
	require.NoError(t, err)
	all, err := session.Eval(t.Context(), s, names...)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	return all
}

// fetchedX is one value, fetched as "x".
func fetchedX(t testing.TB, v session.Value) session.Values {
	t.Helper()
	return fetched(t, map[string]session.Value{"x": v})
}

// tagsOf returns the tags of what op makes.
func tagsOf(t testing.TB, op summary.Op, values session.Values) []string {
	t.Helper()
	made, err := op.AppendValues(nil, values)
	require.NoError(t, err)
	tags := []string{}
	for _, v := range made {
		tags = append(tags, v.Tag())
	}
	return tags
}

// namesOfTensorFlow is what tf.compat.v1.summary of TensorFlow 2.21 makes of
// names.
type namesOfTensorFlow struct {
	Cleaning []struct {
		Name, Cleaned string
		Root          taggedByTensorFlow
		Outer         taggedByTensorFlow `json:"in_scope_outer"`
		Family        taggedByTensorFlow `json:"family_fam"`
	} `json:"v1_cleaning"`
	Sequences []struct {
		Ops    []string
		Result []taggedByTensorFlow
	} `json:"v1_sequences"`
	V2 []struct {
		Scopes []string
		Name   string
		taggedByTensorFlow
	}
}

// taggedByTensorFlow is what came of one op.
type taggedByTensorFlow struct {
	Tags  []string
	Error *struct{ Type, Message string }
}

// readNames returns all cases; see package goldentest for more of them.
func readNames(t *testing.T) (names namesOfTensorFlow) {
	t.Helper()
	for _, table := range goldentest.Tables[namesOfTensorFlow](t, "names.json") {
		names.Cleaning = append(names.Cleaning, table.Cleaning...)
		names.Sequences = append(names.Sequences, table.Sequences...)
		names.V2 = append(names.V2, table.V2...)
	}
	return names
}

func TestNamesAreCleanedAsTensorFlowCleansThem(t *testing.T) {
	cleaning := readNames(t).Cleaning
	require.Greater(t, len(cleaning), 20)
	for _, c := range cleaning {
		require.Equal(t, c.Cleaned, summary.CleanName(c.Name), "name %q", c.Name)
		values := fetchedX(t, session.Float64(1))
		require.Equal(t, []string{c.Cleaned}, tagsOf(t, summary.Scalar(c.Name, "x"), values))
		if c.Cleaned == "" {
			_, err := summary.Histogram(c.Name, "x").AppendValues(nil, values)
			require.EqualError(t, err, `summary: histogram has no name (fetch "x")`)
			continue
		}
		require.Equal(t, []string{c.Cleaned}, tagsOf(t, summary.Histogram(c.Name, "x"), values))
	}
}

func TestACleanedNameIsAlwaysText(t *testing.T) {
	require.Equal(t, "a_b", summary.CleanName("a\xffb"))
	require.Equal(t, "a__b", summary.CleanName("a\xff\xfeb"))
	require.Equal(t, "x²½Ⅻ٣", summary.CleanName("x²½Ⅻ٣"), "digits of all scripts")
	require.Equal(t, "e_", summary.CleanName("e\u0301"), "combining marks are no letters")
}

func TestTheTagsOfPicturesAreTensorFlows(t *testing.T) {
	pattern := regexp.MustCompile(`^image i, batch (\d+), max_outputs (\d+)$`)
	tried := 0
	for _, c := range readNames(t).Sequences {
		match := pattern.FindStringSubmatch(c.Ops[0])
		if match == nil {
			continue
		}
		tried++
		batch, err := strconv.Atoi(match[1])
		require.NoError(t, err)
		most, err := strconv.Atoi(match[2])
		require.NoError(t, err)
		values := fetchedX(t, session.TensorOf(make([]uint8, batch*4), batch, 2, 2, 1))
		require.Equal(t, c.Result[0].Tags, tagsOf(t, summary.Image("i", "x", most), values), c.Ops[0])
	}
	require.GreaterOrEqual(t, tried, 5)
}

func TestAnOpThatWasNotGivenItsFetchSaysSo(t *testing.T) {
	values := fetchedX(t, session.Float64(1))
	for _, c := range []struct {
		op   summary.Op
		want string
	}{
		{summary.Scalar("loss", "y"), `summary: "loss": fetch "y": not fetched`},
		{summary.Histogram("weights", "y"), `summary: "weights": fetch "y": not fetched`},
		{summary.Image("img", "y", 1), `summary: "img": fetch "y": not fetched`},
		{summary.Merge(summary.Scalar("a", "x"), summary.Scalar("loss", "y")), `summary: "loss": fetch "y": not fetched`},
		{summary.List{summary.Scalar("a", "x"), summary.Scalar("loss", "y")}, `summary: "loss": fetch "y": not fetched`},
	} {
		_, err := c.op.AppendValues(nil, values)
		require.EqualError(t, err, c.want)
		require.ErrorIs(t, err, session.ErrNotFetched)
	}
}

func TestMergeMakesTheValuesInOrder(t *testing.T) {
	values := fetched(t, map[string]session.Value{"x": session.Float64(1), "y": session.Float64(2)})
	op := summary.Merge(summary.Scalar("b", "y"), nil, summary.Merge(summary.Scalar("a", "x")), summary.Merge(), summary.Scalar("c", "y"))
	require.Equal(t, []string{"y", "x", "y"}, op.Fetches())
	require.Equal(t, []string{"b", "a", "c"}, tagsOf(t, op, values))
	require.Empty(t, tagsOf(t, summary.Merge(), values))
	require.Empty(t, summary.Merge(nil, nil).Fetches())
}

func TestMergeRefusesATagThatComesTwice(t *testing.T) {
	values := fetchedX(t, session.Float64(1))
	for _, n := range []int{2, 32, 33, 100} {
		ops := make([]summary.Op, n)
		for i := range ops {
			ops[i] = summary.Scalar(fmt.Sprint("tag", i), "x")
		}
		_, err := summary.Merge(ops...).AppendValues(nil, values)
		require.NoError(t, err)

		ops[n-1] = summary.Merge(summary.Scalar("tag0", "x"))
		_, err = summary.Merge(ops...).AppendValues(nil, values)
		require.EqualError(t, err, `summary: duplicate tag "tag0" in merged summaries`)
	}
}

func TestMergeMindsOnlyItsOwnValues(t *testing.T) {
	values := fetchedX(t, session.Float64(1))
	op := summary.Merge(summary.Scalar("loss", "x"))
	made, err := op.AppendValues(nil, values)
	require.NoError(t, err)
	made, err = op.AppendValues(made, values)
	require.NoError(t, err)
	require.Len(t, made, 2)
}

func TestAListLetsATagComeTwice(t *testing.T) {
	values := fetchedX(t, session.Float64(1))
	list := summary.List{summary.Scalar("loss", "x"), summary.List{summary.Scalar("loss", "x")}}
	require.Equal(t, []string{"x", "x"}, list.Fetches())
	require.Equal(t, []string{"loss", "loss"}, tagsOf(t, list, values))
}

func TestAnOpThatCanNeverWorkIsFoundInTheConfig(t *testing.T) {
	for name, c := range map[string]struct {
		op   summary.Op
		want string
	}{
		"no name":           {summary.Scalar("", "x"), `SummaryOp: scalar has no name (fetch "x")`},
		"a name of slashes": {summary.Histogram("//", "x"), `SummaryOp: histogram has no name (fetch "x")`},
		"no fetch":          {summary.Merge(summary.Histogram("h", "")), `SummaryOp: histogram "h" has no fetch`},
		"less than none":    {summary.List{summary.Image("i", "x", -1)}, `SummaryOp: image "i": maxOutputs is -1, want 0 (3) or more`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: "x", SummaryOp: c.op})
			require.EqualError(t, err, "summary: SummarySaverHookConfig: "+c.want)
		})
	}
}
