package summary

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/runhook/runhook/internal/faults"
)

// A RankPolicy says where the processes of a job write that are not its chief.
type RankPolicy int

const (
	// RankChiefOnly: nowhere. What they add is forgotten.
	RankChiefOnly RankPolicy = iota
	// RankOwnRun: to runs of their own, rank_1, rank_2 … in the log directory of the
	// chief. Readers drop values when two processes write one tag of a run.
	RankOwnRun
)

// RankConfig describes the sink of one of several processes.
type RankConfig struct {
	// Rank is the number of the process in its job. 0 is the chief, which writes to
	// the log directory itself. Default 0.
	Rank int
	// Others says where the other processes write. Default RankChiefOnly.
	Others RankPolicy
	// Writer is for the writer, if there is one.
	Writer FileWriterConfig
}

// NewRankSink returns the sink of a process: a [*FileWriter], or [Discard].
func NewRankSink(logdir string, config RankConfig) (Sink, error) {
	if logdir == "" {
		return nil, errors.New("summary: NewRankSink: logdir is empty")
	}
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if config.Rank < 0 {
		fault("Rank is %d, want 0 (the chief) or a positive number", config.Rank)
	}
	if config.Others < RankChiefOnly || config.Others > RankOwnRun {
		fault("Others is %d, want RankChiefOnly or RankOwnRun", config.Others)
	}
	_, err := config.Writer.resolve() // on every rank, or they would differ
	if err := errors.Join(faults.Join("summary: RankConfig", errs...), err); err != nil {
		return nil, err
	}
	switch {
	case config.Rank == 0:
	case config.Others == RankChiefOnly:
		return Discard, nil
	default:
		logdir = filepath.Join(logdir, fmt.Sprintf("rank_%d", config.Rank))
	}
	w, err := NewFileWriter(logdir, config.Writer)
	if err != nil {
		return nil, err
	}
	return w, nil
}
