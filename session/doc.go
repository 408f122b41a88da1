// Package session runs a training loop with hooks attached, as TensorFlow's
// MonitoredSession does.
//
// An [Engine] is whatever trains: the embedded package graph, a plain closure
// ([StepFunc]), an adapter, or a type of your own. A [MonitoredSession] opens
// one session of it, calls the hooks around every run, and closes everything
// again:
//
//	open    Begin(h1 … hn) → Scaffold and engine finalized → session opened
//	        → restored from a checkpoint, or initialised → ready
//	        → AfterCreateSession(h1 … hn)
//	run     BeforeRun(h1 … hn) → one Session.Run for everybody → AfterRun(h1 … hn)
//	close   End(h1 … hn) → coordinator stops, goroutines joined → Session.Close
//	        → CloseSession(hn … h1)
//
// Whatever the hooks and the caller want from a step is gathered before the
// step, run once, and handed to each in part: a hook never causes a second run
// by asking. A session that is lost is created again, from AfterCreateSession
// back to "session opened", and what it was doing is repeated ([Recovery]).
// Goroutines that belong to a session are its [Coordinator]'s.
//
// The order and the rules for stops, feeds and options are those of
// tensorflow/python/training/monitored_session.py; where TensorFlow is wrong,
// the README's table of deviations says what happens here instead.
//
// # How a run ends
//
//	error of the run, or of a hook in it            AfterRun   End when the block is left
//	none                                            all hooks  –
//	ErrOutOfRange, ErrStop (see [IsCleanStop])      none       yes, and With returns nil
//	the session's context was done                  none       yes, and With returns its cause
//	any other                                       none       no, and With returns the error
//
// [With] is Python's with block and the usual way in. A hook with a
// CloseSession method is told of every ending, also of one that skips End.
package session
