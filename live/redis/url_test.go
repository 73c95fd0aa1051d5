package redis_test

import (
	"strings"
	"testing"

	"github.com/ccatobs/cdt/live/redis"
)

func TestAWrongURLIsRefusedWithoutItsSecret(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "localhost:6379", "http://:sEcReT@host", "redis://:sEcReT@host:port:port/0", "redis://:sEcReT@h/db/x", "redis://:sEcReT%zz@h"} {
		l, err := redis.New(url, redis.Options{})
		if err == nil {
			_ = l.Close()
			t.Errorf("%q is taken", url)
		} else if strings.Contains(err.Error(), "sEcReT") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}
