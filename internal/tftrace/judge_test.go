package tftrace

// judge compares a trace of this library with TensorFlow's. Whatever it is, the
// model has to make TensorFlow's trace, and the library's when all mistakes are
// mended; so what is accepted as a deviation is nothing but the mending. The
// numbers given are those of the mistakes that show.
func judge(want, got trace, model func(mended) trace) outcome {
	return judgeAmong(mistakes, want, got, model)
}

// judgeAmong judges by a model that makes the mistakes of a list.
func judgeAmong(mistakes []mistake, want, got trace, model func(mended) trace) outcome {
	if diff := difference(want, model(nil), exactly); diff != "" {
		return outcome{different: "the model is not as TensorFlow: " + diff}
	}
	if diff := difference(model(allMended(mistakes)), got, exactly); diff != "" {
		return outcome{different: "the library is not as TensorFlow with its mistakes mended: " + diff}
	}
	if difference(want, got, lastOfJoined) == "" {
		return outcome{}
	}
	return outcome{deviations: shown(mistakes, got, model)}
}

// shown returns the numbers of the mistakes that have to be mended for got: with
// any of them made, the model's trace is another one.
func shown(mistakes []mistake, got trace, model func(mended) trace) []string {
	fewest := allMended(mistakes)
	for _, m := range mistakes {
		if fewer := fewest.without(m.number); difference(model(fewer), got, lastOfJoined) == "" {
			fewest = fewer
		}
	}
	return sortedKeys(fewest)
}
