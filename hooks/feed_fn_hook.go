package hooks

import (
	"context"
	"errors"

	"github.com/runhook/runhook/session"
)

// A FeedFnHook feeds each run what a function returns.
type FeedFnHook struct {
	session.BaseHook
	feedFn func(ctx context.Context) (session.Feeds, error)
	args   session.SessionRunArgs
}

var _ session.SessionRunHook = (*FeedFnHook)(nil)

// NewFeedFnHook returns a hook that calls feedFn before each run, again when a
// run is repeated. The hook has what it returns until the run is over.
func NewFeedFnHook(feedFn func(ctx context.Context) (session.Feeds, error)) (*FeedFnHook, error) {
	if feedFn == nil {
		return nil, errors.New("hooks: NewFeedFnHook: the function is nil")
	}
	return &FeedFnHook{feedFn: feedFn}, nil
}

// BeforeRun asks the function.
func (h *FeedFnHook) BeforeRun(ctx context.Context, _ *session.SessionRunContext) (*session.SessionRunArgs, error) {
	var err error
	if h.args.Feeds, err = h.feedFn(ctx); err != nil {
		return nil, err
	}
	return &h.args, nil
}
