package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/node"
)

func secretFile(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCredentialsOfAFileAndAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := secretFile(t, filepath.Join(dir, "keys.yaml"), "LAB_LTA: {access_key: AK, secret_key: hush}\nOTHER: {access_key: A, secret_key: s, session_token: tok}\n", 0o600)
	secretFile(t, filepath.Join(dir, "d", "LAB_LTA_ACCESS_KEY"), "AK\n", 0o600)
	secretFile(t, filepath.Join(dir, "d", "LAB_LTA_SECRET_KEY"), "hush\n", 0o400)
	for _, path := range []string{file, filepath.Join(dir, "d")} {
		k, err := node.Credentials{Path: path}.Keys("LAB_LTA")
		if err != nil || k.Access != "AK" || k.Secret != "hush" || k.Token != "" {
			t.Errorf("%s: %q, %v", path, k.Access, err)
		}
		if _, err := (node.Credentials{Path: path}).Keys("NOBODY"); err == nil || !strings.Contains(err.Error(), "NOBODY_ACCESS_KEY") {
			t.Errorf("%s: unknown name: %v", path, err)
		}
	}
	if k, err := (node.Credentials{Path: file}).Keys("OTHER"); err != nil || k.Token != "tok" {
		t.Errorf("session token: %v", err)
	}
}

func TestCredentialsOfTheEnvironment(t *testing.T) {
	t.Setenv("LAB_LTA_ACCESS_KEY", "AK")
	t.Setenv("LAB_LTA_SECRET_KEY", "hush")
	k, err := node.Credentials{Path: "/no/such/file"}.Keys("LAB_LTA")
	if err != nil || k.Access != "AK" || k.Secret != "hush" {
		t.Errorf("%q, %v", k.Access, err)
	}
}

// What is wrong with credentials is told without any of them.
func TestBadCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct{ path, name, want string }{
		"others may read":  {secretFile(t, filepath.Join(dir, "a"), "X: {access_key: AK, secret_key: hush}", 0o644), "X", "chmod 600"},
		"not YAML":         {secretFile(t, filepath.Join(dir, "b"), "hush: [", 0o600), "X", "is not NAME"},
		"another key":      {secretFile(t, filepath.Join(dir, "c"), "X: {acces_key: hush}", 0o600), "X", "is not NAME"},
		"half of it":       {secretFile(t, filepath.Join(dir, "d"), "X: {secret_key: hush}", 0o600), "X", "there are no credentials X"},
		"no file":          {filepath.Join(dir, "none"), "X", "read the credentials"},
		"a folder of all":  {filepath.Dir(secretFile(t, filepath.Join(dir, "e", "X_SECRET_KEY"), "hush", 0o640)), "X", "chmod 600"},
		"no name":          {"", "../x", "no name of credentials"},
		"only environment": {"", "X_Y", "X_Y_SECRET_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := node.Credentials{Path: c.path}.Keys(c.name)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
