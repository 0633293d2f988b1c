package body_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

const pet = `Pet: {type: object, required: [id, name], additionalProperties: false, xml: {name: pet}, properties: {
	id: {type: integer, xml: {attribute: true}}, name: {type: string, maxLength: 5}, weight: {type: number}, either: {type: [integer, string]},
	photos: {type: array, maxItems: 2, items: {type: string}, xml: {name: photoUrls, wrapped: true}},
	wrapped: {type: array, items: {type: string, xml: {name: item}}, xml: {wrapped: true}},
	tags: {type: array, items: {$ref: '#/components/schemas/Tag'}},
	plain: {type: array, items: {type: integer}},
	owner: {type: object, additionalProperties: false, properties: {first: {type: string, xml: {name: first-name}}, since: {type: integer}}, xml: {namespace: 'urn:owner', prefix: o}},
	parent: {$ref: '#/components/schemas/Pet'},
	nothing: {type: [string, 'null'], maxLength: 1}}}`

const tag = `Tag: {type: object, xml: {name: tag}, required: [id], properties: {id: {type: integer}}}`

func TestXML(t *testing.T) {
	b := reader(t, body.Options{}, `{application/xml: {schema: {$ref: '#/components/schemas/Pet'}}, text/xml: {}, application/atom+xml: {schema: {type: object}}}`, pet, tag)
	pet := func(inside string) string { return `<pet id="1"><name>rex</name>` + inside + `</pet>` }
	for text, want := range map[string]string{
		pet(""): "",
		`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + pet("\n  "): "",
		"\xEF\xBB\xBF" + pet(""):                                                       "",
		`<!-- remark -->` + pet("") + "<!-- remark -->\n":                              "",
		`<pet id="1"><name>rex</name></pet >`:                                          "",
		`<pet id='1'><name><![CDATA[r<x]]></name></pet>`:                               "",
		`<pet id="1"><name>&lt;&amp;&#65;&#x42;</name></pet>`:                          "",
		`<pet id="x"><name>rex</name></pet>`:                                           "400 contract.xml_value",
		`<pet><name>rex</name></pet>`:                                                  "contract.required /id",
		`<pet><id>1</id><name>rex</name></pet>`:                                        "400 contract.xml_element",
		`<pet id="1" name="rex"/>`:                                                     "400 contract.xml_element",
		`<pet id="1"><name>rexrex</name></pet>`:                                        "contract.length /name",
		`<dog id="1"><name>rex</name></dog>`:                                           "400 contract.xml_element",
		pet("<name>max</name>"):                                                        "400 json.duplicate_name",
		pet("<role>admin</role>"):                                                      "contract.unknown_property /role",
		pet("<role>a</role><role>b</role>"):                                            "contract.unknown_property /role",
		pet("text"):                                                                    "400 contract.xml_element",
		pet("<weight>1.5</weight>"):                                                    "",
		pet("<weight>1,5</weight>"):                                                    "400 contract.xml_value",
		pet("<weight><b>1</b></weight>"):                                               "400 contract.xml_element",
		pet(`<weight unit="kg">1</weight>`):                                            "400 contract.xml_element",
		pet("<either>17</either>"):                                                     "",
		pet("<photoUrls><photoUrls>a</photoUrls><photoUrls>b</photoUrls></photoUrls>"): "",
		pet("<photoUrls><photoUrls>a</photoUrls><photoUrls>b</photoUrls><photoUrls>c</photoUrls></photoUrls>"): "contract.items /photos",
		pet("<photoUrls><other>a</other></photoUrls>"):                                                         "400 contract.xml_element",
		pet("<photos>a</photos>"):                                           "400 contract.xml_element",
		pet("<wrapped><item>a</item></wrapped>"):                            "",
		pet("<wrapped/>"):                                                   "",
		pet("<tag><id>1</id></tag><name2/><tag><id>2</id></tag>"):           "contract.unknown_property /name2",
		pet("<tag><id>1</id></tag><weight>1</weight><tag><id>2</id></tag>"): "",
		pet("<tag><id>1</id></tag><tag/>"):                                  "contract.required /tags/1/id",
		pet("<plain>1</plain><plain>2</plain>"):                             "",
		pet("<plain>x</plain>"):                                             "400 contract.xml_value",
		pet(`<o:owner xmlns:o="urn:owner"><o:first-name>A</o:first-name><since>3</since></o:owner>`): "",
		pet(`<x:owner xmlns:x="urn:owner"><x:first-name>A</x:first-name></x:owner>`):                 "",
		pet(`<owner><first-name>A</first-name></owner>`):                                             "400 contract.xml_element",
		pet(`<owner xmlns="urn:other"/>`):                                                            "400 contract.xml_element",
		pet(`<o:owner xmlns:o="urn:owner"><first>A</first></o:owner>`):                               "400 contract.xml_element",
		pet(`<parent id="2"><name>max</name></parent>`):                                              "",
		pet(`<parent id="2"><name>maxmax</name></parent>`):                                           "contract.length /parent/name",
		pet(`<pet id="2"><name>maxmax</name></pet>`):                                                 "contract.length /parent/name", // by the name of what is referred to
		pet(`<nothing xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>`):       "",

		`<!DOCTYPE pet [<!ENTITY a "aaaa">]><pet id="1"><name>&a;</name></pet>`: "400 contract.xml_doctype",
		`<!DOCTYPE pet SYSTEM "http://evil.example/x.dtd"><pet/>`:               "400 contract.xml_doctype",
		`<pet id="1"><name>&nbsp;</name></pet>`:                                 "400 contract.xml_entity",
		`<pet id="1"><name>&xxe;</name></pet>`:                                  "400 contract.xml_entity",
		`<?xml-stylesheet href="x"?><pet/>`:                                     "400 contract.xml_instruction",
		`<pet id="1"><?php x ?></pet>`:                                          "400 contract.xml_instruction",
		` <?xml version="1.0"?><pet/>`:                                          "400 contract.xml_instruction",
		`<?xml version="1.0" encoding="iso-8859-1"?><pet/>`:                     "415 contract.charset",
		`<pet id="1"><name>r<!-- -->ex</name></pet>`:                            "400 contract.xml_syntax",
		`<pet id="1" id="2"><name>rex</name></pet>`:                             "400 contract.xml_duplicate_attribute",
		`<pet xmlns:a="u" xmlns:b="u" a:x="1" b:x="2"/>`:                        "400 contract.xml_duplicate_attribute",
		`<pet xmlns:a="u" xmlns:a="v"/>`:                                        "400 contract.xml_duplicate_attribute",
		`<a:pet id="1"/>`:                                                       "400 contract.xml_namespace",
		`<pet a:id="1"/>`:                                                       "400 contract.xml_namespace",
		`<pet xmlns:xml="u"/>`:                                                  "400 contract.xml_namespace",
		`<pet xmlns:a=""/>`:                                                     "400 contract.xml_namespace",
		`<a:b:pet/>`:                                                            "400 contract.xml_syntax",
		`<pet id="1"></pet><pet/>`:                                              "400 contract.xml_syntax",
		`<pet id="1"></pet>x`:                                                   "400 contract.xml_syntax",
		`x<pet id="1"></pet>`:                                                   "400 contract.xml_syntax",
		`<pet id="1"></dog>`:                                                    "400 contract.xml_syntax",
		`<pet id="1">`:                                                          "400 contract.xml_syntax",
		`<pet id=1></pet>`:                                                      "400 contract.xml_syntax",
		`<pet id="1"><name>a ]]> b</name></pet>`:                                "400 contract.xml_syntax",
		`<pet id="<"></pet>`:                                                    "400 contract.xml_syntax",
		`<pet id="1"><name>` + "\x01" + `</name></pet>`:                         "400 contract.xml_syntax",
		`<pet id="1"><name>&#0;</name></pet>`:                                   "400 contract.xml_syntax",
		`<pet id="1"><name>` + "\xff" + `</name></pet>`:                         "400 contract.text_encoding",
		` `: "400 contract.xml_syntax",
		strings.Repeat("<pet>", 100) + strings.Repeat("</pet>", 100): "413 contract.xml_depth",
		strings.Repeat("<a>", 1e6):                                   "413 contract.xml_depth",
		"<pet>" + strings.Repeat("<a/>", 2e5) + "</pet>":             "413 contract.xml_size",
		"<pet " + strings.Repeat(`a="" `, 1000) + "/>":               "413 contract.xml_size",
	} {
		if got := check(b, "application/xml", "", text); got != want {
			t.Errorf("%.110q: %q, want %q", text, got, want)
		}
	}
	if got := check(b, "text/xml", "", "<anything><at/>all</anything>"); got != "" {
		t.Error(got)
	}
	if got := check(b, "application/atom+xml", "", `<feed xmlns="http://www.w3.org/2005/Atom"><entry a="1"><x/></entry><entry/></feed>`); got != "" {
		t.Error(got)
	}
	start := time.Now()
	var flood strings.Builder
	for i := range 99_000 {
		flood.WriteString("<a")
		for n := i % 30_000; n > 0; n /= 26 {
			flood.WriteByte('a' + byte(n%26))
		}
		flood.WriteString("/>")
	}
	check(b, "application/atom+xml", "", "<feed>"+flood.String()+"</feed>")
	if took := time.Since(start); took > slow {
		t.Errorf("took %v", took)
	}
}

// What is taken is well-formed for the decoder with its own checks, too.
func FuzzXML(f *testing.F) {
	f.Add(`<pet id="1"><name>rex</name><tag><id>1</id></tag></pet>`)
	f.Add(`<?xml version="1.0"?><pet id="1" xmlns:o="urn:owner"><!-- x --><o:owner><o:first-name>&lt;</o:first-name></o:owner></pet>`)
	f.Add(`<pet id="1"><photoUrls><photoUrls><![CDATA[x]]></photoUrls></photoUrls><role/><role a="b">x</role></pet>`)
	b := reader(f, body.Options{Elements: 1000}, `{application/xml: {schema: {$ref: '#/components/schemas/Pet'}}, text/xml: {schema: {}}}`, pet, tag)
	f.Fuzz(func(t *testing.T, text string) {
		for _, contentType := range []string{"application/xml", "text/xml"} {
			r := schema.Report{Max: 1}
			ok, err := b.Check(contentType, "", []byte(text), &r)
			if err != nil || !ok || text == "" {
				continue
			}
			d := xml.NewDecoder(strings.NewReader(text))
			roots, depth := 0, 0
			for {
				token, err := d.Token()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("%q: %v", text, err)
				}
				switch token.(type) {
				case xml.StartElement:
					if depth++; depth == 1 {
						roots++
					}
				case xml.EndElement:
					depth--
				case xml.Directive:
					t.Errorf("%q has a directive", text)
				}
			}
			if roots != 1 {
				t.Errorf("%q has %d roots", text, roots)
			}
		}
	})
}
