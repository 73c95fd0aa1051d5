package route

// Options are what a parse needs to know beside the texts.
//
//	Parse(files map[string][]byte, o Options) (*Set, *diag.List)   // texts by file name
//	Load(path string, o Options) (*Set, *diag.List)                // a folder of *.yaml and *.yml, or one file
//
// Both always return a set, with what could be read, and a list; the set may be
// used only if the list has not failed.
type Options struct {
	// Env looks up ${VAR}; os.LookupEnv if nil.
	Env func(name string) (value string, ok bool)
	// StageTypes are the types a stage may have.
	StageTypes []StageType
}
