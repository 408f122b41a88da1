package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// numbered returns n examples, example i having i as its first pixel and i%10
// as its label.
func numbered(n int) examples {
	e := makeExamples(n)
	for i := range n {
		e.image(i)[0] = float32(i)
		e.labels[i] = uint8(i % classes)
	}
	return e
}

// numbers returns what numbered counted, and checks that images and labels
// stayed together.
func numbers(t *testing.T, e examples) []int {
	t.Helper()
	found := make([]int, e.len())
	for i := range found {
		found[i] = int(e.image(i)[0])
		require.Equal(t, uint8(found[i]%classes), e.labels[i])
	}
	return found
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestSplitPutsEveryExampleOnOneSide(t *testing.T) {
	train, test, err := numbered(1797).split(trainSize, 1)
	require.NoError(t, err)
	require.Equal(t, 1437, train.len())
	require.Equal(t, 360, test.len())
	both := append(numbers(t, train), numbers(t, test)...)
	require.NotEqual(t, upTo(1797), both, "not shuffled")
	slices.Sort(both)
	require.Equal(t, upTo(1797), both)
}

func TestSplitDependsOnItsSeedAlone(t *testing.T) {
	all := numbered(100)
	train, test, err := all.split(80, 7)
	require.NoError(t, err)
	sameTrain, sameTest, err := all.split(80, 7)
	require.NoError(t, err)
	require.Equal(t, train, sameTrain)
	require.Equal(t, test, sameTest)

	otherTrain, _, err := all.split(80, 8)
	require.NoError(t, err)
	require.NotEqual(t, train, otherTrain)
	require.Equal(t, numbered(100), all, "the source was shuffled in place")
}

func TestSplitAndBatchesRejectSizesOutOfRange(t *testing.T) {
	all := numbered(10)
	for _, size := range []int{-1, 11} {
		_, _, err := all.split(size, 1)
		require.ErrorContains(t, err, "from 10 examples")
	}
	for _, size := range []int{-1, 0, 11} {
		_, err := newBatches(all, size, 1)
		require.ErrorContains(t, err, "want 1 to 10")
	}
}

func TestAnEpochRepeatsNothingAndTheNextHasAnotherOrder(t *testing.T) {
	feed, err := newBatches(numbered(100), 20, 1)
	require.NoError(t, err)
	var epochs [2][]int
	for epoch := range epochs {
		for i := range 5 {
			epochs[epoch] = append(epochs[epoch], numbers(t, feed.at(int64(epoch*5+i)))...)
		}
	}
	require.NotEqual(t, epochs[0], epochs[1])
	for _, epoch := range epochs {
		slices.Sort(epoch)
		require.Equal(t, upTo(100), epoch)
	}
}

func TestAnEpochLeavesOutTheExamplesThatFillNoBatch(t *testing.T) {
	feed, err := newBatches(numbered(23), 10, 1)
	require.NoError(t, err)
	first := slices.Concat(numbers(t, feed.at(0)), numbers(t, feed.at(1)))
	slices.Sort(first)
	require.Len(t, slices.Compact(first), 20)
}

func TestABatchDependsOnSeedAndStepAlone(t *testing.T) {
	newFeed := func(seed uint64) *batches {
		feed, err := newBatches(numbered(100), 20, seed)
		require.NoError(t, err)
		return feed
	}
	whole := newFeed(3)
	var seen [][]int
	for step := range int64(40) {
		seen = append(seen, numbers(t, whole.at(step)))
	}
	resumed := newFeed(3)
	for _, step := range []int64{17, 18, 39, 0} {
		require.Equal(t, seen[step], numbers(t, resumed.at(step)))
	}
	require.NotEqual(t, seen[17], numbers(t, newFeed(4).at(17)))
}
