package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// TryCollector asks a collector whether it takes spans, with a delivery that has none. A person reads the error.
func TryCollector(ctx context.Context, address string) error {
	to, err := endpoint(address, "/v1/traces")
	if err != nil {
		return err
	}
	status, err := post(ctx, to, "", "application/x-protobuf")
	if err != nil {
		return fmt.Errorf("ask the collector: %w", err)
	}
	if status >= http.StatusMultipleChoices {
		return fmt.Errorf("the collector answers %d %s: is this its address for OTLP over HTTP (port 4318)?", status, http.StatusText(status))
	}
	return nil
}

// TryInflux asks an InfluxDB whether it takes points from who asks into the bucket, with a delivery that has none. A person reads the error.
func TryInflux(ctx context.Context, c Influx) error {
	if err := c.valid(); err != nil {
		return err
	}
	query := url.Values{"org": {c.Org}, "bucket": {c.Bucket}}
	status, err := post(ctx, strings.TrimSuffix(c.URL, "/")+"/api/v2/write?"+query.Encode(), c.Token, "text/plain")
	if err != nil {
		return fmt.Errorf("ask InfluxDB: %w", err)
	}
	if status < http.StatusMultipleChoices || status == http.StatusBadRequest { // nothing is no points, some say
		return nil
	}
	return refusal(status, fmt.Errorf("it answers %d %s", status, http.StatusText(status)))
}

// valid says what is missing to write to it.
func (c Influx) valid() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("the address of InfluxDB must be http://host:port or https://host")
	}
	if c.Bucket == "" {
		return errors.New("which bucket of InfluxDB are the metrics for?")
	}
	return nil
}

// refusal says what a person can do about an answer of InfluxDB.
func refusal(status int, err error) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("InfluxDB does not let this process write: is --influx-token right (user:password for version 1.8), and may it write into the bucket? %w", err)
	case http.StatusNotFound:
		return fmt.Errorf("InfluxDB has no such bucket: look at --influx-bucket and --influx-org, or make it there: %w", err)
	case http.StatusInsufficientStorage:
		return fmt.Errorf("the disk of InfluxDB is full: %w", err)
	default:
		return fmt.Errorf("write to InfluxDB: %w", err)
	}
}

// post delivers nothing, and returns the status of the answer.
func post(ctx context.Context, to, token, kind string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, http.NoBody)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", kind)
	if token != "" {
		request.Header.Set("Authorization", "Token "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}
