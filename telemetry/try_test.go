package telemetry

import (
	"net/http"
	"strings"
	"testing"
)

// What a receiver answers is said with what to do about it.
func TestReceiversAreTried(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		http.StatusNoContent: "", http.StatusBadRequest: "", http.StatusUnauthorized: "is --influx-token right", http.StatusForbidden: "may it write into the bucket",
		http.StatusNotFound: "no such bucket", http.StatusInsufficientStorage: "disk of InfluxDB is full", http.StatusServiceUnavailable: "503",
	} {
		r := newReceiver(t)
		r.answer(status)
		err := TryInflux(t.Context(), Influx{URL: r.URL, Bucket: "cdt", Token: "hush"})
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("InfluxDB that answers %d: %v, want %q", status, err, want)
		}
		err = TryCollector(t.Context(), r.URL)
		if good := status == http.StatusNoContent; (err == nil) != good || err != nil && !strings.Contains(err.Error(), "port 4318") {
			t.Errorf("a collector that answers %d: %v", status, err)
		}
	}
	if err := TryCollector(t.Context(), "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("a collector that is away: %v", err)
	}
}
