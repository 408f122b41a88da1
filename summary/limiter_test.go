package summary_test

import (
	"math"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func limited(t *testing.T, limits ...summary.Limit) (*summary.Writer, *summary.Limiter, func() []string) {
	t.Helper()
	f := newMemoryFile()
	file := openOn(t, f, summary.FileWriterConfig{})
	l, err := summary.NewLimiter(file, limits...)
	require.NoError(t, err)
	return summary.NewWriter(l), l, func() []string {
		require.NoError(t, file.Flush())
		return lines(withoutVersion(t, decode(t, f.contents())))
	}
}

func TestALimitBySteps(t *testing.T) {
	w, l, written := limited(t, summary.Limit{Steps: 10})
	for _, step := range []int64{3, 12, 13, 13, 22, 23, 5, 14, 15, math.MinInt64 + 1, math.MaxInt64} {
		require.NoError(t, w.Scalar("loss", 1, step))
		require.NoError(t, w.Add(step, summary.ScalarValue("acc", 1)))
	}
	require.Equal(t, []string{
		"3: loss=1", "3: acc=1", "13: loss=1", "13: acc=1", "23: loss=1", "23: acc=1", "5: loss=1", "5: acc=1",
		"15: loss=1", "15: acc=1", "-9223372036854775807: loss=1", "-9223372036854775807: acc=1",
		"9223372036854775807: loss=1", "9223372036854775807: acc=1",
	}, written())
	require.EqualValues(t, 8, l.LeftOut())
}

func TestALimitByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, written := limited(t, summary.Limit{Every: time.Minute})
		for step := range int64(8) {
			require.NoError(t, w.Scalar("loss", 1, step))
			time.Sleep(25 * time.Second)
		}
		require.NoError(t, w.At(time.Unix(1, 0)).Scalar("loss", 1, 8), "by their wall times")
		require.NoError(t, w.At(time.Unix(60, 0)).Scalar("loss", 1, 9))
		require.NoError(t, w.At(time.Unix(61, 0)).Scalar("loss", 1, 10))
		require.Equal(t, []string{"0: loss=1", "3: loss=1", "6: loss=1", "8: loss=1", "10: loss=1"}, written())
	})
}

func TestALimitByNumber(t *testing.T) {
	w, l, written := limited(t, summary.Limit{Tags: regexp.MustCompile(`^img/`), First: 2})
	for step := range int64(4) {
		require.NoError(t, w.Add(step, summary.ScalarValue("img/a", 1), summary.ScalarValue("loss", 1), summary.ScalarValue("img/b", 1)))
	}
	require.NoError(t, w.Scalar("img/c", 1, 4))
	require.Equal(t, []string{"0: img/a=1 loss=1 img/b=1", "1: img/a=1 loss=1 img/b=1", "2: loss=1", "3: loss=1", "4: img/c=1"}, written())
	require.EqualValues(t, 4, l.LeftOut())
}

func TestTheFirstLimitForATagCounts(t *testing.T) {
	w, _, written := limited(t,
		summary.Limit{Tags: regexp.MustCompile(`^loss$`)}, // no limit
		summary.Limit{First: 1},
	)
	for step := range int64(2) {
		require.NoError(t, w.Add(step, summary.ScalarValue("loss", 1), summary.ScalarValue("other", 1)))
	}
	require.Equal(t, []string{"0: loss=1 other=1", "1: loss=1"}, written())
}

func TestTheLastValuesAreWrittenByFlushAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l, written := limited(t, summary.Limit{Tags: regexp.MustCompile("^i"), Last: 2, Steps: 2})
		for step := range int64(9) { // i1 at 0, 2, 4, 6, 8
			require.NoError(t, w.Add(step, summary.ScalarValue("i1", float64(step)), summary.ScalarValue("loss", 1)))
			if step == 5 {
				require.NoError(t, w.Scalar("i2", 1, step))
			}
		}
		time.Sleep(time.Hour)
		require.Len(t, written(), 9, "the timer of the file does not write them")
		require.NoError(t, w.Flush())
		require.Equal(t, []string{"5: i2=1", "6: i1=6", "8: i1=8"}, written()[9:], "in the order in which they came")
		require.EqualValues(t, 4+3, l.LeftOut())
		require.NoError(t, w.Scalar("i2", 2, 9))
		require.NoError(t, w.Close())
	})
}

func TestTheLastValuesHaveTheirOwnTimes(t *testing.T) {
	f := newMemoryFile()
	l, err := summary.NewLimiter(openOn(t, f, summary.FileWriterConfig{}), summary.Limit{Last: 1})
	require.NoError(t, err)
	require.NoError(t, summary.NewWriter(l).At(time.Unix(5, 0)).Scalar("loss", 1, 1))
	require.NoError(t, l.Close())
	require.Equal(t, 5., withoutVersion(t, decode(t, f.contents()))[0].GetWallTime())
}

// Of 10 out of 1,000 values one is the newest, and 9 are spread over the others.
func TestASampleIsWhatTensorBoardWouldShow(t *testing.T) {
	next := new(plainSink)
	l, err := summary.NewLimiter(next, summary.Limit{Sample: 10})
	require.NoError(t, err)
	w := summary.NewWriter(l)
	var held [10]int // by hundreds of steps
	for range 500 {
		for step := range int64(1000) {
			require.NoError(t, w.Scalar("loss", 1, step))
		}
		next.steps = nil
		require.NoError(t, w.Flush())
		require.Len(t, next.steps, 10)
		require.True(t, slices.IsSorted(next.steps))
		require.EqualValues(t, 999, next.steps[9])
		for _, step := range next.steps[:9] {
			held[step/100]++
		}
	}
	require.EqualValues(t, 500*990, l.LeftOut())
	for i, n := range held {
		require.InDelta(t, 450, n, 100, "steps from %d on", 100*i)
	}
}

func TestFewValuesAreAllInASample(t *testing.T) {
	w, l, written := limited(t, summary.Limit{Sample: 3})
	for step := range int64(3) {
		require.NoError(t, w.Scalar("loss", 1, step))
	}
	require.NoError(t, w.Flush())
	require.Zero(t, l.LeftOut())
	require.Equal(t, []string{"0: loss=1", "1: loss=1", "2: loss=1"}, written())
}

func TestWhatIsKeptBelongsToTheTimeBeforeASession(t *testing.T) {
	w, l, written := limited(t, summary.Limit{Last: 1})
	require.NoError(t, w.Scalar("loss", 1, 5))
	train(t, newTrainer(), 1, "train", newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: l, SummaryOp: lossOp}))
	require.Equal(t, []string{"5: loss=1", "START@1", "1: loss=1"}, written())
}

func TestWhatCannotBeWrittenIsKept(t *testing.T) {
	next := &plainSink{err: errBroken}
	l, err := summary.NewLimiter(next, summary.Limit{Last: 2})
	require.NoError(t, err)
	w := summary.NewWriter(l)
	require.NoError(t, w.Scalar("a", 1, 1))
	require.NoError(t, w.Scalar("b", 1, 1))
	require.ErrorIs(t, w.Flush(), errBroken)
	next.err = nil
	require.NoError(t, w.Flush())
	require.Equal(t, []string{"a", "b"}, next.taken)
	require.Zero(t, l.LeftOut())
}

// Values came while those before them were being written, in vain.
func TestWhatIsKeptAgainStaysWithinItsLimit(t *testing.T) {
	for _, c := range []struct {
		limit summary.Limit
		want  int
	}{{summary.Limit{Last: 3}, 3}, {summary.Limit{Sample: 3}, 3}, {summary.Limit{Sample: 1}, 1}} {
		next := &plainSink{err: errBroken}
		l, err := summary.NewLimiter(next, c.limit)
		require.NoError(t, err)
		w := summary.NewWriter(l)
		next.meanwhile = func() {
			next.meanwhile = nil
			require.NoError(t, w.Scalar("a", 1, 5))
			require.NoError(t, w.Scalar("a", 1, 6))
		}
		for step := range int64(4) {
			require.NoError(t, w.Scalar("a", 1, step))
		}
		require.ErrorIs(t, w.Flush(), errBroken)
		next.err = nil
		require.NoError(t, w.Flush())
		require.Len(t, next.taken, c.want)
		require.EqualValues(t, 6, next.steps[c.want-1], "the newest")
		require.True(t, slices.IsSorted(next.steps))
		require.EqualValues(t, 6-c.want, l.LeftOut())
	}
}

func TestBadLimitsAreReportedAtOnce(t *testing.T) {
	_, err := summary.NewLimiter(nil, summary.Limit{Every: -1, Steps: -1, First: -1, Last: -1, Sample: -1}, summary.Limit{First: 1, Last: 2, Sample: 3})
	require.EqualError(t, err, "summary: NewLimiter: the sink is nil\n"+
		"summary: Limit 0: Every is -1ns, want a positive duration or 0 (no rule)\n"+
		"summary: Limit 0: Steps is -1, want a positive number or 0 (no rule)\n"+
		"summary: Limit 0: First is -1, want a positive number or 0 (no rule)\n"+
		"summary: Limit 0: Last is -1, want a positive number or 0 (no rule)\n"+
		"summary: Limit 0: Sample is -1, want a positive number or 0 (no rule)\n"+
		"summary: Limit 1: First (1) and Last (2) and Sample (3) are set, want one at most")
}

func TestALimitedScalarAllocatesNothing(t *testing.T) {
	w := openWriter(t, t.TempDir(), summary.FileWriterConfig{})
	l, err := summary.NewLimiter(w, summary.Limit{Steps: 3})
	require.NoError(t, err)
	scalars := summary.NewWriter(summary.Tee(l, summary.Discard))
	step := int64(0)
	scalar := func() error {
		step++
		return scalars.Scalar("loss", 0.25, step)
	}
	allocations(t, 100_000, scalar)
	require.LessOrEqual(t, allocations(t, 200_000, scalar), uint64(few))
}
