// Package hooks has the hooks that training jobs attach to a monitored session
// of package session:
//
//	save    CheckpointSaverHook with its CheckpointSaverListeners, of which
//	        EvaluationListener is one
//	record  StepCounterHook, EMAHook, MemoryHook, HParamsHook, ProfilerHook,
//	        InMemoryEvaluatorHook, and SummarySaverHook of package summary
//	show    LoggingTensorHook, ProgressHook
//	feed    FeedFnHook, LearningRateHook
//	stop    StopAtStepHook, StopAtSecsHook, StopAfterNEvalsHook,
//	        StopAtCheckpointStepHook, EarlyStoppingHook with StopIfHigher and its
//	        like, NanTensorHook, TimeoutHook, SignalHook
//	more    FuncEvery, FinalOpsHook, GlobalStepWaiterHook
//
// [MonitoredTrainingSession] puts those together that every job has.
//
// What TensorFlow has, too, does here what it does there, in
// tensorflow/python/training/basic_session_run_hooks.py, evaluation.py and
// tensorflow_estimator, but for the mistakes that the README's table of deviations
// lists. Whatever is done from time to time has a period of steps or of seconds.
// A hook begins anew in each monitored session, and goes on where it was when a
// session is lost and created again.
package hooks

import "github.com/runhook/runhook/session"

// Off, as a period, means never: TensorFlow's 0 or None.
const Off = session.Off
