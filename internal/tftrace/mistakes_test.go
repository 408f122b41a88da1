package tftrace

import "maps"

// A mistake is one of TensorFlow's that this library does not mirror. The model
// makes it, unless it is mended: the number marks the place in the model.
type mistake struct {
	number, why string
}

// mistakes are those that the model knows. Others cannot show with the hooks
// that it has.
var mistakes = []mistake{
	{"D-01", "a stop wish is lost when the run fails after it, or with the session"},
	{"D-02", "hooks from a generator are gone after begin"},
	{"D-03", "options are merged into the caller's object, and a hook's timeout limits an unlimited run"},
	{"D-04", "use after close is an attribute error"},
	{"D-07", "an error reported while should_stop creates the session again escapes"},
	{"D-08", "a step function that is executed again has the old, closed session"},
	{"D-09", "a session whose after_create_session fails stays open"},
	{"D-10", "request_stop of a step function does not stop the loop"},
	{"D-11", "a clean end is told by the exact type of the error, and is an error if a thread reports it"},
	{"D-12", "one end that fails skips those behind it"},
	{"D-13", "a second close calls end without a session, and fails"},
	{"D-14", "a period or target of 0 counts as one that is given, and nothing refuses a negative one"},
	{"D-17", "a step that goes back silences timers"},
	{"D-19", "a target that is reached already is seen one run late, and sticks to a hook that is used again"},
	{"D-20", "a stop that a listener asks for at the first checkpoint is ignored"},
	{"D-22", "a rate of steps in no time is infinite"},
	{"D-23", "summaries without a writer are computed and dropped, and a tuple of ops breaks"},
	{"D-24", "a stop does not end the wait of a waiter"},
	{"D-25", "a step that is profiled twice kills training"},
	{"D-26", "an error reported after a stop is lost"},
	{"D-27", "an error reported outside its handler is a type error"},
	{"D-29", "a writer that was closed is handed out again"},
	{"N-01", "end is called with the old session when there is no new one"},
	{"N-08", "an evaluation that lacks the metric ends the training"},
	{"N-09", "any train_distribute makes the hook of several workers"},
	{"N-10", "an in-memory evaluator evaluates in end what it evaluated just now"},
	{"N-11", "the stop flag is saved in checkpoints"},
	{"N-12", "without a global step the stop hooks fail at their second run"},
	{"N-13", "START is written by each saver, behind steps that the session comes to again, and by none for a new file of a folder"},
	{"N-18", "all step counters of a process share five warnings of a step that stands still"},
}

// A mended set holds the numbers of mistakes that the model does not make.
type mended map[string]bool

func allMended(mistakes []mistake) mended {
	all := make(mended)
	for _, m := range mistakes {
		all[m.number] = true
	}
	return all
}

func (m mended) without(number string) mended {
	fewer := maps.Clone(m)
	delete(fewer, number)
	return fewer
}
