// Package limit holds what the direct runner is measured against: for each case a program of two goroutines
// written by hand for that case alone, the fastest that fits on a page. Their checks are sums of [data.Check].
package limit
