package opsdb

// Batched reports whether the task is to be sent, or is being sent, together with others.
func (t Task) Batched() bool {
	return t.Batch != "" && t.Piece == Send && (t.State == TaskScheduled || t.State == TaskInProgress)
}

// Offers are the tasks for which a worker is to be found: all, but of those
// that are sent together one, as who comes for it takes its fellows too.
func Offers(tasks []Task) []Task {
	seen := map[ID]bool{}
	out := make([]Task, 0, len(tasks))
	for _, t := range tasks {
		if t.Batched() && seen[t.Batch] {
			continue
		}
		seen[t.Batch] = t.Batched()
		out = append(out, t)
	}
	return out
}
