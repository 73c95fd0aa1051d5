package sqlite

// bulkRows is how many rows one statement of a bulk insert holds at most.
const bulkRows = 128

// bulk runs "<head> (?,…),(?,…) <tail>" over n rows of k parameters each. Its
// statements hold a power of two of rows, so that few of them are ever prepared.
func (t *tx) bulk(head, tail string, n, k int, row func(i int, args []any) []any) error {
	args := make([]any, 0, bulkRows*k)
	for done := 0; done < n; {
		rows := bulkRows
		for rows > n-done {
			rows /= 2
		}
		args = args[:0]
		for i := done; i < done+rows; i++ {
			args = row(i, args)
		}
		if err := t.exec(head+marks(rows, k)+tail, args...); err != nil {
			return err
		}
		if err := t.cancel.Err(); err != nil {
			return err
		}
		done += rows
	}
	return nil
}
