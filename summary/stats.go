package summary

// Stats says what a [FileWriter] has done since it was made.
type Stats struct {
	// Events is how many events were taken. START records count, version events do
	// not. Each is in the queue, in a file, or lost.
	Events int64
	// Bytes is how much was written to files.
	Bytes int64
	// Dropped is how many events were not taken because the queue was full:
	// with QueueDrop, or with an error.
	Dropped int64
	// Lost is how many events were taken and then could not be written, or may not
	// have come to the disk because a Sync failed. An error told so.
	Lost int64

	// Flushes is how often something was handed to the operating system, Syncs how
	// often to the disk.
	Flushes int64
	Syncs   int64

	// Errors is how many errors of the file system there were, LastError the
	// latest, also if it has healed since.
	Errors    int64
	LastError error

	// QueueEvents and QueueBytes are what was taken and waits to be written. What is
	// being written right now does not count.
	QueueEvents int64
	QueueBytes  int

	// File is the path of the file that is being written, or was last; Files is how
	// many there were.
	File  string
	Files int64
}

// plus returns the counts of both; what is no count is that of t, the later.
func (s Stats) plus(t Stats) Stats {
	t.Events += s.Events
	t.Bytes += s.Bytes
	t.Dropped += s.Dropped
	t.Lost += s.Lost
	t.Flushes += s.Flushes
	t.Syncs += s.Syncs
	t.Errors += s.Errors
	t.Files += s.Files
	if t.LastError == nil {
		t.LastError = s.LastError
	}
	return t
}
