package diag

// Code is the stable name of a kind of problem. A code is never used for
// another kind, even after its rule is gone.
type Code struct {
	Code string
	Text string // what is wrong, in one line
}

// Codes are all codes: 01xx reading the files, 02xx names, 03xx expressions,
// 04xx the graph and its safety.
func Codes() []Code {
	return []Code{
		{"CDT0101", "a file or folder of routes cannot be read"},
		{"CDT0102", "a file is too large, or there are too many files"},
		{"CDT0103", "a file is not UTF-8 text"},
		{"CDT0104", "a file is not YAML"},
		{"CDT0105", "${VAR} inside { } or [ ] is not quoted"},
		{"CDT0106", "a file holds more than one YAML document"},
		{"CDT0107", "values are nested too deeply"},
		{"CDT0108", "aliases expand to too much, or contain themselves"},
		{"CDT0109", "a YAML tag stands where a value should"},
		{"CDT0110", "a key stands twice in one place"},
		{"CDT0111", "a key is not a plain word"},
		{"CDT0112", "a merge key (<<) is not part of the language"},
		{"CDT0113", "the version of the language is not known"},
		{"CDT0114", "a key is not known here"},
		{"CDT0115", "a list, an object or a single value stands where another of these should"},
		{"CDT0116", "a required key is missing"},
		{"CDT0117", "a value has the wrong type"},
		{"CDT0118", "a value is none of those that are possible"},
		{"CDT0119", "a size, duration, rate or share has no unit"},
		{"CDT0120", "a unit is not known"},
		{"CDT0121", "a number is negative"},
		{"CDT0122", "a number is out of range"},
		{"CDT0123", "a size, duration, rate or share is not an integer and a unit"},
		{"CDT0124", "an environment variable is not set"},
		{"CDT0125", "a ${VAR} is not written rightly"},
		{"CDT0126", "a name has characters that names may not have"},
		{"CDT0127", "something is defined twice"},
		{"CDT0128", "a stage type is not known"},
		{"CDT0129", "a key has no value"},
		{"CDT0130", "there are no routes"},
		{"CDT0131", "a location has no storage, or several"},
		{"CDT0132", "a link has settings of another transport"},
		{"CDT0133", "version does not stand first"},
		{"CDT0134", "something is not carried out by this version"},
		{UnknownSite, "a site is not known"},
		{UnknownPlace, "a location or set is not known"},
		{UnknownStage, "a stage is not known"},
		{SetInItself, "a set contains itself"},
		{EmptySet, "a set is empty"},
		{TwiceInSet, "a set names something twice"},
		{LinkToItself, "a link leads from a site to itself"},
		{LinkTwice, "there are two links from one site to another"},
		{OddDriver, "the driver of a link is at neither end"},
		{FormerTaken, "a former name is the name of something else"},
		{SharedRoot, "two locations keep their bytes in one place"},
		{OddSetting, "a setting means nothing where it stands"},
		{TooLittle, "a number is zero or too small"},
		{TooMuch, "a size does not fit the capacity"},
		{OddWord, "a setting of a link may not stand in a command"},
		{BadStorage, "a bucket or a tape library is not described as it must be"},
		{ExprSyntax, "an expression cannot be read"},
		{ExprTooLong, "an expression is too long or has too many parts"},
		{ExprNotAllowed, "an expression uses what the language does not have"},
		{ExprUnknown, "an expression names what is not known"},
		{ExprNotHere, "an expression names what has no meaning where it stands"},
		{ExprType, "an expression mixes types, or yields the wrong one"},
		{ExprLiteral, "a function of an expression does not get a value as it is written"},
		{ExprOverflow, "a number in an expression is out of range"},
		{ExprCall, "a function of an expression is called wrongly"},
		{ExprCron, "a window is not five cron fields, or never opens"},
		{ExprArchived, "archived is not used as a floor in retention"},
		{ExprFact, "a fact of a location or link is not compared with a constant"},
		{ExprArithmetic, "an arithmetic of an expression has no meaning"},
		{ExprConstant, "a comparison of an expression never changes"},
		{WrongPlace, "a stage reads, writes or works at a location of the wrong type"},
		{NoMoves, "a stage, or a source of it, has no moves"},
		{NeedsStop, "a move needs a stop at a buffer"},
		{SourceTwice, "a source belongs to two package stages of a route"},
		{Cycle, "stages go round in a circle"},
		{NoWay, "a wanted place has no way from a source"},
		{RuleAtArchive, "something is to be deleted at an archive"},
		{RuleAtWanted, "something is to be deleted at a wanted place"},
		{RequireArchived, "require_archived is below 1, or above the archive sites that can be reached"},
		{NoArchive, "a route deletes, and has no way from a source to an archive"},
		{FreshTooShort, "fresh is shorter than the verify cycle"},
		{Pressure, "pressure does not begin above where it ends"},
		{RuleTwice, "a location has two rules in one retention"},
		{EmptyRule, "a rule does not say when to delete"},
		{IdleRule, "a rule stands for a location the route does not use"},
		{NeverHolds, "a rule can never hold"},
		{WantsNothing, "a route wants packages nowhere"},
		{TwoBuffers, "a source would be packed into two places"},
		{TooMany, "a stage has too many pairs of places"},
		{NoDriver, "something is not carried out by this version"},
	}
}

// Codes of names and settings.
const (
	UnknownSite  = "CDT0201"
	UnknownPlace = "CDT0202"
	UnknownStage = "CDT0203"
	SetInItself  = "CDT0204"
	EmptySet     = "CDT0205"
	TwiceInSet   = "CDT0206"
	LinkToItself = "CDT0207"
	LinkTwice    = "CDT0208"
	OddDriver    = "CDT0209"
	FormerTaken  = "CDT0210"
	SharedRoot   = "CDT0211"
	OddSetting   = "CDT0212"
	TooLittle    = "CDT0213"
	TooMuch      = "CDT0214"
	OddWord      = "CDT0215"
	BadStorage   = "CDT0216"
)

// Codes of the graph and its safety.
const (
	WrongPlace      = "CDT0401"
	NoMoves         = "CDT0402"
	NeedsStop       = "CDT0403"
	SourceTwice     = "CDT0404"
	Cycle           = "CDT0405"
	NoWay           = "CDT0406"
	RuleAtArchive   = "CDT0407"
	RuleAtWanted    = "CDT0408"
	RequireArchived = "CDT0409"
	NoArchive       = "CDT0410"
	FreshTooShort   = "CDT0411"
	Pressure        = "CDT0412"
	RuleTwice       = "CDT0413"
	EmptyRule       = "CDT0414"
	IdleRule        = "CDT0415"
	NeverHolds      = "CDT0416"
	WantsNothing    = "CDT0417"
	NoDriver        = "CDT0418"
	TooMany         = "CDT0419"
	TwoBuffers      = "CDT0420"
)

// Codes of expressions.
const (
	ExprSyntax     = "CDT0301"
	ExprTooLong    = "CDT0302"
	ExprNotAllowed = "CDT0303"
	ExprUnknown    = "CDT0304"
	ExprNotHere    = "CDT0305"
	ExprType       = "CDT0306"
	ExprLiteral    = "CDT0307"
	ExprOverflow   = "CDT0308"
	ExprCall       = "CDT0309"
	ExprCron       = "CDT0310"
	ExprArchived   = "CDT0311"
	ExprFact       = "CDT0312"
	ExprArithmetic = "CDT0313"
	ExprConstant   = "CDT0314"
)
