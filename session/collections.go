package session

// The collections that a [Scaffold] looks into, by TensorFlow's names. Each of
// the first six holds what every job on the engine uses for that piece.
const (
	InitOpKey              = "init_op"                 // an [Op]
	ReadyOpKey             = "ready_op"                // an [Op]
	ReadyForLocalInitOpKey = "ready_for_local_init_op" // an [Op]
	LocalInitOpKey         = "local_init_op"           // an [Op]
	SummaryOpKey           = "summary_op"              // a [SummaryOp]
	SaversKey              = "savers"                  // a [Saver]
	SummariesKey           = "summaries"               // the [SummaryOp] values there are
)

// Collections is an [Engine] that keeps things beside its graph: what one part
// of a program leaves there, another finds by key. Instead of an [Op], its name
// or list of names may be kept.
type Collections interface {
	// Collection returns what was added under key, in order; the slice is the
	// caller's.
	Collection(key string) []any
	// AddToCollection adds item to the others under key.
	AddToCollection(key string, item any)
}

// ScaffoldDefaults is an [Engine] that has pieces of its own for a [Scaffold]:
// ops that initialise and check its variables, a saver.
type ScaffoldDefaults interface {
	// ScaffoldDefault returns the piece that a Scaffold uses where it was given
	// none and the collection of that key is empty; nil if there is none.
	ScaffoldDefault(key string) any
}
