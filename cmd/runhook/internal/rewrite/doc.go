// Package rewrite makes event files from event files: values renamed, moved or
// left out, files cut and merged.
//
//	event ──Edit──▶ the same bytes, where nothing of it changes
//	          └───▶ a new event: the fields that stay as they were, in their order,
//	                and the values that stay
//
// What a tag's values are stands with its first value only, if the writer was
// thrifty. Where that one is left out or goes elsewhere, its metadata are put to
// the first value that stays: a value is told of in its new file, or run, as it
// was in the old one.
package rewrite
