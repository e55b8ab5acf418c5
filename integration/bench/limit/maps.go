package limit

// Maps sums f(g(h(i))) for i in [0, n). The functions are called through pointers, as those of a user are.
func Maps(n int64, f, g, h func(int64) int64) int64 {
	var sums [2]int64
	both(n, func(lo, hi int64, half int) {
		var sum int64
		for i := lo; i < hi; i++ {
			sum += f(g(h(i)))
		}
		sums[half] = sum
	})
	return sums[0] + sums[1]
}
