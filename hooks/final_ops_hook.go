package hooks

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"github.com/runhook/runhook/session"
)

// FinalOpsHookConfig describes a [FinalOpsHook].
type FinalOpsHookConfig struct {
	// FinalOps are the names to fetch when the session ends. None: nothing is.
	FinalOps []string
	// FinalOpsFeedDict is fed with them.
	FinalOpsFeedDict session.Feeds
	// Logger is told when the final ops find the input at its end. nil: nobody is.
	Logger *slog.Logger
}

// A FinalOpsHook fetches values once more when the session ends: metrics that
// were gathered over all runs, for example.
type FinalOpsHook struct {
	session.BaseHook
	config FinalOpsHookConfig
	values session.Values
}

var _ session.SessionRunHook = (*FinalOpsHook)(nil)

// NewFinalOpsHook returns a hook.
func NewFinalOpsHook(config FinalOpsHookConfig) *FinalOpsHook {
	config.FinalOps, config.FinalOpsFeedDict = slices.Clone(config.FinalOps), maps.Clone(config.FinalOpsFeedDict)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &FinalOpsHook{config: config}
}

// FinalOpsValues returns what the last session ended with, in the order of
// FinalOps; nothing before its end. The values stay valid.
func (h *FinalOpsHook) FinalOpsValues() session.Values { return h.values }

// Begin resolves the names.
func (h *FinalOpsHook) Begin(_ context.Context, graph session.Graph) error {
	h.values = session.Values{}
	var errs []error
	for _, name := range h.config.FinalOps {
		errs = append(errs, graph.Resolve(name))
	}
	return errors.Join(errs...)
}

// End fetches the final values. That the input has ended is an error here: final
// ops do not need it, if they are right.
func (h *FinalOpsHook) End(ctx context.Context, s session.Session) error {
	if len(h.config.FinalOps) == 0 {
		return nil
	}
	values, err := session.EvalFed(ctx, s, h.config.FinalOpsFeedDict, h.config.FinalOps...)
	if err != nil {
		if session.IsCleanStop(err) {
			h.config.Logger.LogAttrs(ctx, slog.LevelWarn, "the final ops depend on an input that has ended", slog.Any("final_ops", h.config.FinalOps))
		}
		return err
	}
	h.values = values
	return nil
}
