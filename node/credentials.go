package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/storage/s3"
)

// Credentials finds the keys that routes name: NAME in the environment as
// NAME_ACCESS_KEY, NAME_SECRET_KEY and, if need be, NAME_SESSION_TOKEN; or in
// a file or folder that only its owner can read. Files are read anew each time: keys can be exchanged
// while CDT runs. No error holds a key.
type Credentials struct {
	// Path is a YAML file, NAME: {access_key: …, secret_key: …}, or a folder with a file for each value, called
	// like the variable of the environment. "": the environment alone.
	Path string
}

// largestSecrets is how long a file of credentials may be.
const largestSecrets = 1 << 20

// Keys gives the keys of a name. The environment outranks the file.
func (c Credentials) Keys(name string) (s3.Keys, error) {
	if !regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`).MatchString(name) {
		return s3.Keys{}, fmt.Errorf("%q is no name of credentials", name)
	}
	k := s3.Keys{Access: os.Getenv(name + "_ACCESS_KEY"), Secret: os.Getenv(name + "_SECRET_KEY"), Token: os.Getenv(name + "_SESSION_TOKEN")}
	if k.Access == "" && k.Secret == "" && c.Path != "" {
		var err error
		if k, err = c.read(name); err != nil {
			return s3.Keys{}, err
		}
	}
	if k.Access == "" || k.Secret == "" {
		return s3.Keys{}, fmt.Errorf("there are no credentials %s: set %s_ACCESS_KEY and %s_SECRET_KEY, or name a file of credentials that has them (setting credentials)", name, name, name)
	}
	return k, nil
}

func (c Credentials) read(name string) (s3.Keys, error) {
	info, err := os.Stat(c.Path)
	if err != nil {
		return s3.Keys{}, fmt.Errorf("read the credentials: %w", err)
	}
	if info.IsDir() {
		return folderKeys(c.Path, name)
	}
	return fileKeys(c.Path, name)
}

func folderKeys(dir, name string) (s3.Keys, error) {
	var values [3]string
	for i, end := range []string{"_ACCESS_KEY", "_SECRET_KEY", "_SESSION_TOKEN"} {
		text, err := readSecret(filepath.Join(dir, name+end))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s3.Keys{}, err
		}
		values[i] = strings.TrimSpace(text)
	}
	return s3.Keys{Access: values[0], Secret: values[1], Token: values[2]}, nil
}

func fileKeys(path, name string) (s3.Keys, error) {
	text, err := readSecret(path)
	if err != nil {
		return s3.Keys{}, err
	}
	var all map[string]struct {
		Access string `yaml:"access_key"`
		Secret string `yaml:"secret_key"`
		Token  string `yaml:"session_token"`
	}
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	if dec.Decode(&all) != nil { // its error may quote a key
		return s3.Keys{}, fmt.Errorf("the file of credentials %s is not NAME: {access_key: …, secret_key: …}", path)
	}
	one := all[name]
	return s3.Keys{Access: one.Access, Secret: one.Secret, Token: one.Token}, nil
}

// readSecret reads a file that nobody but its owner may read.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the credentials: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("others may read %s: chmod 600 it", path)
	}
	if !info.Mode().IsRegular() || info.Size() > largestSecrets {
		return "", fmt.Errorf("%s is no file of credentials", path)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the file a person named
	if err != nil {
		return "", fmt.Errorf("read the credentials: %w", err)
	}
	return string(text), nil
}
