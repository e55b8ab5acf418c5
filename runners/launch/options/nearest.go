package options

// nearest suggests the option whose name is most like name, if one is.
func (s *Set) nearest(name, dashes string) string {
	best, least := "", 1+min(3, (len(name)-1)/2)
	for _, o := range s.opts {
		if d := distance(name, o.Flag); d < least {
			best, least = o.Flag, d
		}
	}
	if best == "" {
		return "; --help lists them"
	}
	return "; did you mean " + dashes + best + "?"
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := prev
			if a[i] != b[j] {
				cost++
			}
			prev = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
