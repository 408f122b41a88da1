package summary_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func TestOnlyTheChiefWrites(t *testing.T) {
	dir := t.TempDir()
	for rank := range 3 {
		sink, err := summary.NewRankSink(dir, summary.RankConfig{Rank: rank})
		require.NoError(t, err)
		require.NoError(t, summary.NewWriter(sink).Scalar("loss", 1, int64(rank)))
		require.NoError(t, sink.Close())
	}
	require.Equal(t, []string{"0: loss=1"}, lines(readEvents(t, onlyFile(t, dir))))
}

func TestEveryRankHasARunOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	for rank := range 3 {
		sink, err := summary.NewRankSink(dir, summary.RankConfig{Rank: rank, Others: summary.RankOwnRun, Writer: summary.FileWriterConfig{FilenameSuffix: ".v2"}})
		require.NoError(t, err)
		train(t, newTrainer(), 1, "train", newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: sink, SummaryOp: lossOp}))
		require.NoError(t, sink.Close())
	}
	for _, run := range []string{"", "rank_1", "rank_2"} {
		files, err := filepath.Glob(filepath.Join(dir, run, "*.v2"))
		require.NoError(t, err)
		require.Len(t, files, 1)
		require.Equal(t, []string{"START@1", "1: loss=1"}, lines(readEvents(t, files[0])))
	}
}

func TestABadRankConfigReportsAllOfIt(t *testing.T) {
	_, err := summary.NewRankSink("x", summary.RankConfig{Rank: -1, Others: 2, Writer: summary.FileWriterConfig{WhenFull: 9}})
	require.EqualError(t, err, "summary: RankConfig: Rank is -1, want 0 (the chief) or a positive number\n"+
		"summary: RankConfig: Others is 2, want RankChiefOnly or RankOwnRun\n"+
		"summary: FileWriterConfig: WhenFull is 9, want QueueBlock, QueueDrop or QueueFail")
	_, err = summary.NewRankSink("", summary.RankConfig{Rank: 1})
	require.EqualError(t, err, "summary: NewRankSink: logdir is empty")
}
