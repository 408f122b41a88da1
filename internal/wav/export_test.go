package wav

// CheckSizes is what Encode asks, for sizes that no test can make.
var CheckSizes = checkSizes
