package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// ErrNanLoss is the error of a [NanTensorHook]: NanLossDuringTrainingError.
var ErrNanLoss = errors.New("NaN loss during training")

// NanTensorHookConfig describes a [NanTensorHook].
type NanTensorHookConfig struct {
	// LossTensor is the name of what is looked at: a number, or a tensor of
	// numbers. Required.
	LossTensor string
	// StopOnNanLoss requests a stop instead of failing: fail_on_nan_loss=False.
	StopOnNanLoss bool
	// AlsoInf looks for infinities, too.
	AlsoInf bool
	// Logger is told of what was found. nil: nobody is.
	Logger *slog.Logger
}

func (c NanTensorHookConfig) resolve() (NanTensorHookConfig, error) {
	var errs []error
	if c.LossTensor == "" {
		errs = append(errs, errors.New("no LossTensor is set"))
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, faults.Join("hooks: NanTensorHookConfig", errs...)
}

// A NanTensorHook looks after each run whether the loss is still a number. If it
// is not, the run fails with [ErrNanLoss], or a stop is requested. The update
// that the loss belongs to was made by then.
type NanTensorHook struct {
	session.BaseHook
	config NanTensorHookConfig
	args   session.SessionRunArgs
}

var _ session.SessionRunHook = (*NanTensorHook)(nil)

// NewNanTensorHook returns a hook, or what is wrong with its config.
func NewNanTensorHook(config NanTensorHookConfig) (*NanTensorHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	return &NanTensorHook{config: config, args: session.SessionRunArgs{Fetches: []string{config.LossTensor}}}, nil
}

// Begin resolves the name of the loss.
func (h *NanTensorHook) Begin(_ context.Context, graph session.Graph) error {
	return graph.Resolve(h.config.LossTensor)
}

// BeforeRun asks for the loss.
func (h *NanTensorHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return &h.args, nil
}

// AfterRun looks at it.
func (h *NanTensorHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	loss := values.Results.At(0)
	bad, err := h.notANumber(loss)
	if err != nil || !bad {
		return err
	}
	if h.config.StopOnNanLoss {
		h.config.Logger.LogAttrs(ctx, slog.LevelWarn, "model diverged", slog.String(h.config.LossTensor, loss.String()))
		rc.RequestStop()
		return nil
	}
	h.config.Logger.LogAttrs(ctx, slog.LevelError, "model diverged", slog.String(h.config.LossTensor, loss.String()))
	return fmt.Errorf("hooks: %s is %v: %w", h.config.LossTensor, loss, ErrNanLoss)
}

func (h *NanTensorHook) notANumber(v session.Value) (bool, error) {
	if t, ok := v.Tensor(); ok {
		switch data := t.Data.(type) {
		case []float32:
			return anyBad(h, data), nil
		case []float64:
			return anyBad(h, data), nil
		case []int32, []int64, []uint8, []bool:
			return false, nil
		}
	} else if number, ok := v.Number(); ok {
		return h.bad(number), nil
	}
	return false, fmt.Errorf("hooks: NanTensorHook: %q is %v, want numbers", h.config.LossTensor, v)
}

func (h *NanTensorHook) bad(x float64) bool {
	return math.IsNaN(x) || h.config.AlsoInf && math.IsInf(x, 0)
}

func anyBad[T float32 | float64](h *NanTensorHook, data []T) bool {
	for _, x := range data {
		if h.bad(float64(x)) {
			return true
		}
	}
	return false
}
