package route

import (
	"fmt"
	"strings"
)

// Reference returns the reference page of the route language, in Markdown,
// from the same lists that give the checks and the schema.
func Reference(types []StageType) string {
	var b strings.Builder
	b.WriteString("# The route language\n\nGenerated from the code (`make generate`). Fields marked *later* compile and are not carried out by this version.\n")
	page(&b, "Top of a file", topFields(), 2)
	for _, t := range types {
		fmt.Fprintf(&b, "\n## Stage type `%s`\n\n%s\n", t.Name, sentence(t.Help))
		table(&b, t.Fields)
		below(&b, t.Fields, 3)
	}
	return b.String()
}

// page writes the table of an object and then those of the objects in it.
func page(b *strings.Builder, title string, fields []Field, level int) {
	fmt.Fprintf(b, "\n%s %s\n", strings.Repeat("#", level), title)
	table(b, fields)
	below(b, fields, level)
}

func below(b *strings.Builder, fields []Field, level int) {
	for _, f := range fields {
		if len(f.Fields) > 0 {
			page(b, "`"+f.Name+"`: "+f.Help, f.Fields, min(level+1, 5))
		}
	}
}

func table(b *strings.Builder, fields []Field) {
	b.WriteString("\n| Key | Value | Default | What it is |\n|---|---|---|---|\n")
	for _, f := range fields {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Name, valueOf(f), code(f.Default), cell(explained(f)))
	}
}

// valueOf says what may be written.
func valueOf(f Field) string {
	text := string(f.Type)
	switch {
	case f.Type == Choice:
		text = strings.Join(f.Options, ", ")
	case f.Type == Expression:
		text = "expression"
	case f.Type == Map || f.Type == stageMap || f.Type == placesMap:
		text = "by name"
	case f.Type == Objects:
		text = "list"
	case f.Type == Int && f.Min > 0:
		text = fmt.Sprintf("int, at least %d", f.Min)
	}
	if f.Required {
		text += ", required"
	}
	return cell(text)
}

func explained(f Field) string {
	text := f.Help
	if f.Example != "" {
		text = strings.TrimSuffix(text, ".") + ", like `" + f.Example + "`"
	}
	if f.Later {
		text += " *(later)*"
	}
	if len(f.LaterOptions) > 0 {
		text += " *(later: " + strings.Join(f.LaterOptions, ", ") + ")*"
	}
	return text
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

// cell keeps a text from ending its cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
