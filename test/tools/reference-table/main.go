// Command reference-table parses image references with the library that kubelet and
// containerd parse them with, and prints what it makes of each.
//
// Standard input is a JSON list of texts; standard output is test/image/reference-table.json:
//
//	go run . <inputs.json >../../image/reference-table.json
package main

import (
	// The digest algorithms that a node has.
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/json"
	"log"
	"os"
	"runtime/debug"

	"github.com/distribution/reference"
)

type table struct {
	MadeBy string `json:"madeBy"`
	Parser string `json:"parser"`
	Rows   []row  `json:"rows"`
}

type row struct {
	Input string  `json:"input"`
	Error string  `json:"error,omitempty"`
	Image *parsed `json:"image,omitempty"`
}

type parsed struct {
	// What containerd asks the registry for: the tag is gone where there is a digest.
	Canonical string `json:"canonical"`
	Domain    string `json:"domain"`
	Path      string `json:"path"`
	Tag       string `json:"tag,omitempty"`
	Digest    string `json:"digest,omitempty"`
}

func main() {
	var inputs []string
	if err := json.NewDecoder(os.Stdin).Decode(&inputs); err != nil {
		log.Fatal(err)
	}
	result := table{
		MadeBy: "cd test/tools/reference-table && go run . <inputs.json >../../image/reference-table.json",
		Parser: parserVersion(),
	}
	for _, input := range inputs {
		result.Rows = append(result.Rows, parse(input))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(result); err != nil {
		log.Fatal(err)
	}
}

func parse(input string) row {
	canonical, err := reference.ParseDockerRef(input)
	if err != nil {
		return row{Input: input, Error: err.Error()}
	}
	// ParseDockerRef forgets the tag beside a digest; kubelet keeps it.
	named, err := reference.ParseNormalizedNamed(input)
	if err != nil {
		log.Fatalf("%q: accepted and refused: %v", input, err)
	}
	named = reference.TagNameOnly(named)
	image := parsed{Canonical: canonical.String(), Domain: reference.Domain(named), Path: reference.Path(named)}
	if tagged, ok := named.(reference.Tagged); ok {
		image.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		image.Digest = digested.Digest().String()
	}
	return row{Input: input, Image: &image}
}

func parserVersion() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		log.Fatal("built without module information")
	}
	for _, module := range build.Deps {
		if module.Path == "github.com/distribution/reference" {
			return module.Path + " " + module.Version
		}
	}
	log.Fatal("built without the parser")
	return ""
}
