package session

import "slices"

// SessionRunArgs is what a hook, or the caller, asks of one run.
type SessionRunArgs struct {
	// Fetches are names to evaluate; the same name may be asked for by many.
	Fetches []string
	// Feeds are values to use in place of computed ones. Each name may be fed by
	// one party only.
	Feeds Feeds
	// Options are merged with those of the others; nil asks for nothing.
	Options *RunOptions
}

// mentions reports whether name is to be fetched or fed.
func (a *SessionRunArgs) mentions(name string) bool {
	_, fed := a.Feeds[name]
	return fed || slices.Contains(a.Fetches, name)
}

// SessionRunContext tells a hook about the run that is coming or has just been.
// One object goes to all hooks of a run; it is the session's and valid only
// during the call.
type SessionRunContext struct {
	original SessionRunArgs
	session  Session
	stop     bool
}

// OriginalArgs is what the caller of the run asked for: fetches and feeds,
// without options. It is read-only.
func (rc *SessionRunContext) OriginalArgs() *SessionRunArgs { return &rc.original }

// Session is the session that runs. A run of it goes through no hook.
func (rc *SessionRunContext) Session() Session { return rc.session }

// StopRequested reports whether a hook has asked for a stop in this run.
func (rc *SessionRunContext) StopRequested() bool { return rc.stop }

// RequestStop asks the loop to end after this run. The run itself still takes
// place, and every hook's AfterRun is called. The wish outlives a failure of
// the run and the loss of the session.
func (rc *SessionRunContext) RequestStop() { rc.stop = true }

// SessionRunValues is what a hook gets from a run. It is the session's, valid
// only during the call.
type SessionRunValues struct {
	// Results are the values of the hook's own fetches.
	Results Values
	// Options are those of the run, merged from everybody's. Read-only.
	Options *RunOptions
	// Metadata is what the engine told of the run.
	Metadata *RunMetadata
}
