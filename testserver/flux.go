package testserver

import (
	"encoding/csv"
	"fmt"
	"strings"
)

// FluxRecords reads what InfluxDB answers to a query in Flux, annotated CSV: after an empty line come annotations (#), the names of the columns, and the records of a table.
func FluxRecords(body string) (out []map[string]string, err error) {
	for _, table := range strings.Split(strings.ReplaceAll(body, "\r\n", "\n"), "\n\n") {
		reader := csv.NewReader(strings.NewReader(table))
		reader.Comment = '#'
		rows, err := reader.ReadAll()
		if err != nil {
			return nil, err
		}
		for i := 1; i < len(rows); i++ {
			record := map[string]string{}
			for j, name := range rows[0] {
				record[name] = rows[i][j]
			}
			if record["error"] != "" {
				return nil, fmt.Errorf("InfluxDB says: %s", record["error"])
			}
			out = append(out, record)
		}
	}
	return out, nil
}
