package route

import (
	"time"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/engine/diag"
)

// FieldType is the grammar of a field's value. The words are those of stages.FieldType.
type FieldType string

// The field types.
const (
	String     FieldType = "string"
	Bool       FieldType = "bool"
	Int        FieldType = "int"
	Number     FieldType = "number"
	Size       FieldType = "size"
	Duration   FieldType = "duration"
	Rate       FieldType = "rate"
	Share      FieldType = "share"
	Window     FieldType = "window"     // cron
	Expression FieldType = "expression" // Kind says which
	Places     FieldType = "places"     // a location, a set, or a list of them
	Names      FieldType = "names"      // a word or a list of words
	Choice     FieldType = "choice"     // one of Options
	Object     FieldType = "object"     // Fields
	Objects    FieldType = "objects"    // a list of objects of Fields
	Map        FieldType = "map"        // names to objects of Fields

	placesMap FieldType = "sets"   // names to Places
	stageMap  FieldType = "stages" // names to stages, whose fields depend on their type
)

// Field is one key of an object of the language. The schema, the checks, the
// defaults and the reference page all come from lists of these.
type Field struct {
	Name     string
	Type     FieldType
	Required bool
	Default  string // as it would be written; "" if none
	Options  []string
	Kind     string // of an expression: when, priority, select, close_when, delete_when; of a map: place, if its keys are places
	Min      int    // of an Int
	Fields   []Field
	Help     string
	Example  string
	Later    bool // compiles, but is not carried out by this version
	// LaterOptions are those of Options that compile but are not carried out.
	LaterOptions []string
}

// StageType is a stage type as the parser sees it: every key such a stage takes
// (what stages.Spec.Takes gives), `type` among them.
type StageType struct {
	Name   string
	Help   string
	Fields []Field
}

// Fields is a decoded object: the values of a list of [Field]. Asking for a
// field that its list does not have gives a zero value at the object's place.
type Fields struct {
	At     diag.Place
	Set    bool // the object is written
	values map[string]any
	// Keys are the keys that are written, in order, with their places.
	Keys []Value[string]
}

// Has reports whether the key is written.
func (f Fields) Has(name string) bool {
	for _, k := range f.Keys {
		if k.V == name {
			return true
		}
	}
	return false
}

func get[T any](f Fields, name string) (T, bool) {
	v, ok := f.values[name].(T)
	return v, ok
}

func value[T any](f Fields, name string) Value[T] {
	if v, ok := get[Value[T]](f, name); ok {
		return v
	}
	return Value[T]{At: f.At}
}

// String returns a field of type String or Choice.
func (f Fields) String(name string) Value[string] { return f.Text(name).Value() }

// Bool returns a field of type Bool.
func (f Fields) Bool(name string) Value[bool] { return value[bool](f, name) }

// Int returns a field of type Int or Share (percent).
func (f Fields) Int(name string) Value[int] { return value[int](f, name) }

// Number returns a field of type Number.
func (f Fields) Number(name string) Value[float64] { return value[float64](f, name) }

// Size returns a field of type Size, in bytes, or Rate, in bit/s.
func (f Fields) Size(name string) Value[int64] { return value[int64](f, name) }

// Duration returns a field of type Duration.
func (f Fields) Duration(name string) Value[time.Duration] { return value[time.Duration](f, name) }

// Text returns a field of type Expression, Window or String with the places of its characters.
func (f Fields) Text(name string) Text {
	if v, ok := get[Text](f, name); ok {
		return v
	}
	return Text{At: f.At}
}

// List returns a field of type Places or Names.
func (f Fields) List(name string) List {
	if v, ok := get[List](f, name); ok {
		return v
	}
	return List{At: f.At}
}

// Entry is one entry of a Map or one item of Objects.
type Entry struct {
	Key    Value[string] // of a Map
	Fields Fields
	node   *yaml.Node
}

// Entries returns a field of type Map or Objects, in the order written.
func (f Fields) Entries(name string) []Entry {
	v, _ := get[[]Entry](f, name)
	return v
}

// Object returns a field of type Object.
func (f Fields) Object(name string) Fields {
	if v, ok := get[Fields](f, name); ok {
		return v
	}
	return Fields{At: f.At}
}
