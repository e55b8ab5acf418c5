package exec

// Tee returns a sink that pushes to each of sinks. A batch is lent, so all may read the same one.
func Tee(sinks []Sink) Sink {
	if len(sinks) == 1 {
		return sinks[0]
	}
	return &tee{sinks}
}

type tee struct{ to []Sink }

func (t *tee) Push(b any) error {
	for _, s := range t.to {
		if err := s.Push(b); err != nil {
			return err
		}
	}
	return nil
}
