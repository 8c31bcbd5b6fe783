# SPDX-License-Identifier: Apache-2.0
# Objects of the C extensions that programs use most: Nokogiri, SQLite3, MessagePack, Google::Protobuf, FFI and Oj, as
# Debian packages them. Each kind is made in several forms, and refers to objects that nothing else refers to.

require_relative "target"
require "nokogiri"
require "sqlite3"
require "msgpack"
require "google/protobuf"
require "ffi"
require "oj"

$VERBOSE = nil

# What only an extension keeps.
class Kept
  attr_reader :text

  def initialize(text)
    @text = "kept by #{text}, and by nothing else of Ruby"
  end
end

$kept = Hash.new { |all, key| all[key] = [] }

# Documents: most are kept by one of their nodes alone, and have objects that hang on them.
def documents
  20.times do |i|
    rows = (1..200).map { |k| "<row n='#{k}'><!-- #{k} -->text #{k}</row>" }.join
    document = Nokogiri::XML("<!DOCTYPE all [<!ENTITY e 'entity'>]><all xmlns:x='urn:x'>#{rows}<x:last>&e;</x:last></all>")
    document.instance_variable_set(:@kept, Kept.new("document #{i}"))
    # Nodes that have objects, and ones that have none.
    document.xpath("//row[position() mod 7 = #{i % 7}]").each_with_index do |node, k|
      node.instance_variable_set(:@kept, Kept.new("node #{k} of document #{i}"))
    end
    $kept[:nodes] << document.at_xpath("//row[@n='#{i + 1}']")
    next if i % 4 > 0
    $kept[:attributes] << document.at_xpath("//@n[. = '150']")
    $kept[:sets] << document.xpath("//row[position() < 5]")
    $kept[:namespaces] << document.root.namespace_definitions
    $kept[:unlinked] << document.at_xpath("//row[@n='77']").unlink
    $kept[:comments] << document.at_xpath("//comment()")
    $kept[:fragments] << Nokogiri::HTML.fragment("<p>a<b>b</b></p>").tap { |part| part.instance_variable_set(:@k, Kept.new("fragment")) }
  end
  $kept[:html] << Nokogiri::HTML("<html><body><table><tr><td>1<td>2</table></body></html>").at_css("td")
  moved = Nokogiri::XML("<from><a><b/></a></from>").at_xpath("//a")
  Nokogiri::XML("<to/>").tap { |document| document.instance_variable_set(:@k, Kept.new("new document")) }.root << moved
  $kept[:moved] << moved
  $kept[:readers] << Nokogiri::XML::Reader("<a><b c='d'>e</b></a>").tap { |reader| 2.times { reader.read } }
  $kept[:schemas] << Nokogiri::XML::Schema("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a'/></xs:schema>")
  $kept[:relax] << Nokogiri::XML::RelaxNG("<element name='a' xmlns='http://relaxng.org/ns/structure/1.0'><text/></element>")
  $kept[:styles] << Nokogiri::XSLT("<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'/>")
  $kept[:contexts] << Nokogiri::XML::XPathContext.new($kept[:nodes].first)
  handler = Class.new(Nokogiri::XML::SAX::Document).new
  handler.instance_variable_set(:@kept, Kept.new("handler"))
  push = Nokogiri::XML::SAX::PushParser.new(handler)
  push << "<a><b>"
  $kept[:push] << push
  $kept[:builders] << Nokogiri::XML::Builder.new { |xml| xml.a { xml.b("c", d: 1) } }
end

class Backwards
  def compare(one, other)
    other <=> one
  end
end

def databases
  3.times do |i|
    database = SQLite3::Database.new(":memory:")
    database.execute("create table t (id integer primary key, name text, data blob)")
    # Blocks that only the database's functions know.
    counted = Kept.new("function of database #{i}")
    database.create_function("f", 1) { |function, x| function.result = "#{x} #{counted.text}" }
    added = Kept.new("aggregate of database #{i}")
    database.create_aggregate("total", 1) do
      step { |function, x| function[:sum] = function[:sum].to_i + x.to_i + added.text.size * 0 }
      finalize { |function| function.result = function[:sum] }
    end
    waited = Kept.new("busy handler of database #{i}")
    database.busy_handler { |count| count < waited.text.size }
    traced = Kept.new("trace of database #{i}")
    database.trace { |sql| traced.text + sql }
    allowed = Kept.new("authorizer of database #{i}")
    database.authorizer { |*| allowed.text.empty? ? 1 : 0 }
    database.collation("back", Backwards.new)
    insert = database.prepare("insert into t (name, data) values (?, ?)")
    100.times { |k| insert.execute("name #{k}", SQLite3::Blob.new("\0\1#{k}")) }
    select = database.prepare("select f(name), data from t where id > ?")
    select.bind_params(10)
    rows = database.prepare("select * from t order by id").tap { |statement| statement.step }
    total = database.prepare("select total(id) from t").execute.next
    $kept[:statements] << [insert, select, rows, total]
    $kept[:databases] << database if i < 2
    $kept[:results] << database.prepare("select id from t").execute if i == 2
    $kept[:backups] << SQLite3::Backup.new(SQLite3::Database.new(":memory:"), "main", database, "main") if i == 1
  end
end

def packers
  [Kept, Class.new(Kept)].each_with_index do |type, i|
    factory = MessagePack::Factory.new
    mark = Kept.new("type of factory #{i}")
    factory.register_type(1, type, packer: ->(kept) { kept.text + mark.text }, unpacker: ->(text) { Kept.new(text + mark.text) })
    packer = factory.packer
    packer.write({ "half" => [1, 2.5, nil, "text" * 50] })
    unpacker = factory.unpacker(symbolize_keys: i == 1)
    unpacker.feed([1, "a part of what comes " * 20, { "more" => [1, 2, 3] }].to_msgpack[0, 200])
    begin
      unpacker.read
    rescue EOFError
      # Half of it is on its stack.
    end
    $kept[:packers] << packer
    $kept[:unpackers] << unpacker
    $kept[:factories] << factory if i == 0
  end
  require "stringio"
  $kept[:streams] << MessagePack::Packer.new(StringIO.new).tap { |packer| packer.write("s" * 2000) }
  $kept[:streams] << MessagePack::Unpacker.new(StringIO.new({ "a" => ["b"] * 50 }.to_msgpack)).tap { |unpacker| unpacker.read_map_header }
  buffer = MessagePack::Buffer.new
  buffer << "small" << "l" * 100_000 << "again"
  $kept[:buffers] << buffer
end

def messages
  pool = Google::Protobuf::DescriptorPool.new
  pool.build do
    add_enum("Color") do
      value :RED, 0
      value :BLUE, 1
    end
    add_message("Leaf") { optional :name, :string, 1 }
    add_message("Tree") do
      optional :name, :string, 1
      optional :color, :enum, 2, "Color"
      optional :leaf, :message, 3, "Leaf"
      repeated :trees, :message, 4, "Tree"
      repeated :numbers, :int64, 5
      repeated :words, :string, 6
      map :by_name, :string, :message, 7, "Leaf"
      map :counts, :string, :int32, 8
      oneof :either do
        optional :text, :string, 9
        optional :bytes, :bytes, 10
      end
    end
  end
  leaf = Object.const_set(:Leaf, pool.lookup("Leaf").msgclass)
  tree = Object.const_set(:Tree, pool.lookup("Tree").msgclass)
  $kept[:enums] << pool.lookup("Color").enummodule
  make = lambda do |i, depth|
    made = tree.new(name: "tree #{i} with a name that is long", color: :BLUE, leaf: leaf.new(name: "leaf #{i}"), text: "one #{i}")
    made.numbers.concat((1..i % 9).to_a) if made.numbers.respond_to?(:concat)
    (1..i % 5).each { |k| made.words << "word #{k} of #{i}" }
    (1..i % 4).each { |k| made.by_name["name #{k}"] = leaf.new(name: "leaf #{k} of #{i}") }
    made.counts["all"] = i
    2.times { |k| made.trees << make.call(10 * i + k, depth - 1) } if depth > 0
    made
  end
  30.times { |i| $kept[:messages] << make.call(i, i % 3) }
  # Parts alone, whose whole only they keep.
  $kept[:parts] << make.call(7, 2).trees.first.leaf << make.call(8, 1).trees << make.call(9, 1).by_name << make.call(6, 0).words
  $kept[:decoded] << tree.decode(tree.encode(make.call(5, 2)))
  $kept[:decoded] << tree.decode(tree.encode(make.call(6, 2))).trees.last
  $kept[:frozen] << make.call(3, 1).freeze
  $kept[:copies] << make.call(4, 1).dup << make.call(4, 1).clone
  $kept[:descriptors] << tree.descriptor.lookup("trees").subtype << tree.descriptor.lookup_oneof("either")
  # Inside an array of their own, as those of a field are not.
  $kept[:arrays] << Google::Protobuf::RepeatedField.new(:string, ["x" * 50, "y"]) << Google::Protobuf::RepeatedField.new(:message, leaf, [leaf.new(name: "in an array")])
  $kept[:maps] << Google::Protobuf::Map.new(:string, :message, leaf, { "a" => leaf.new(name: "in a map") })
end

module Native
  extend FFI::Library
  ffi_lib FFI::Library::LIBC
  callback :compare, %i[pointer pointer], :int
  attach_function :qsort, %i[pointer size_t size_t compare], :void
  attach_function :strlen, [:string], :size_t
  attach_variable :environ, :pointer
  enum :kind, [:first, 1, :second]

  class Point < FFI::Struct
    layout :x, :int, :y, :double, :next, :pointer, :call, :compare, :kind, :kind, :name, [:char, 16]
  end

  class Line < FFI::Struct
    layout :from, Point, :to, Point.by_ref, :marks, [Point, 3]
  end

  class Either < FFI::Union
    layout :number, :long, :bytes, [:uint8, 8]
  end

  class Owned < FFI::ManagedStruct
    layout :value, :int

    def self.release(pointer)
    end
  end
end

def pointers
  10.times do |i|
    memory = FFI::MemoryPointer.new(1000)
    memory.instance_variable_set(:@kept, Kept.new("memory #{i}"))
    $kept[:memories] << memory if i.even?
    # Parts alone, whose whole only they keep.
    $kept[:slices] << memory.slice(10, 20) << (memory + 30) << memory.slice(5, 100).slice(1, 2)
  end
  mark = Kept.new("function")
  $kept[:functions] << FFI::Function.new(:int, [:int]) { |x| x + mark.text.size }
  other = Kept.new("callback in a struct")
  point = Native::Point.new
  point[:call] = proc { |a, b| a.address <=> b.address + other.text.size * 0 }
  point[:next] = FFI::MemoryPointer.new(:int, 5).tap { |memory| memory.instance_variable_set(:@k, Kept.new("field")) }
  point[:kind] = :second
  $kept[:structs] << point
  line = Native::Line.new
  line[:to] = Native::Point.new.tap { |to| to[:next] = FFI::MemoryPointer.new(8) }
  $kept[:structs] << line << Native::Line.new[:from] << Native::Line.new[:marks] << Native::Line.new[:marks][1] << point[:name]
  $kept[:unions] << Native::Either.new.tap { |either| either[:number] = 1 }
  $kept[:buffers] << FFI::Buffer.new(:int, 10) << FFI::Buffer.new(64).slice(8, 8)
  strings = FFI::MemoryPointer.new(:pointer, 3)
  strings.write_array_of_pointer(Array.new(3) { |i| FFI::MemoryPointer.from_string("string #{i}") })
  $kept[:strings] << strings
  $kept[:managed] << Native::Owned.new(FFI::Pointer.new(0x1000)) << FFI::AutoPointer.new(FFI::Pointer.new(0x2000), proc {})
  numbers = FFI::MemoryPointer.new(:int, 5).write_array_of_int([5, 3, 4, 1, 2])
  Native.qsort(numbers, 5, 4) { |a, b| a.read_int <=> b.read_int }
  $kept[:numbers] << numbers
  $kept[:types] << FFI::Type::INT << FFI::FunctionType.new(FFI::Type::INT, [FFI::Type::LONG]) << FFI::StructByValue.new(Native::Point)
  $kept[:libraries] << FFI::DynamicLibrary.open(nil, FFI::DynamicLibrary::RTLD_LAZY)
  $kept[:symbols] << $kept[:libraries].last.find_function("strlen")
  $kept[:heaps] << FFI::Pointer.new(:int, 0x3000) << Native.environ
end

class Handler < Oj::ScHandler
  def hash_start
    {}
  end

  def hash_set(hash, key, value)
    hash[key] = value
  end

  def array_start
    []
  end

  def array_append(array, value)
    array << value
  end
end

def parsers
  text = JSON.generate({ "a" => [1, 2.5, nil, { "b" => "c" * 50 }], "d" => { "e" => true } })
  $kept[:docs] << Oj::Doc.parse(text)
  $kept[:docs].last.move("/a/4") if $kept[:docs].last.respond_to?(:move)
  $kept[:docs].last.fetch("/a/2")
  $kept[:writers] << Oj::StringWriter.new(mode: :compat).tap { |writer| writer.push_object; writer.push_value(1, "one") }
  require "stringio"
  $kept[:writers] << Oj::StreamWriter.new(StringIO.new).tap { |writer| writer.push_array; writer.push_value([1, 2]) }
  if defined?(Oj::Parser)
    # Each with what it parsed last.
    usual = Oj::Parser.new(:usual)
    usual.cache_keys = true
    usual.cache_strings = 10
    usual.create_id = "type" if usual.respond_to?(:create_id=)
    usual.array_class = Class.new(Array) if usual.respond_to?(:array_class=)
    $kept[:results] << usual.parse(text)
    $kept[:parsers] << usual << Oj::Parser.new(:validate) << Oj::Parser.new(:saj)
    saj = $kept[:parsers].last
    saj.handler = Class.new(Oj::Saj).new.tap { |handler| handler.instance_variable_set(:@kept, Kept.new("handler of a parser")) }
    $kept[:parsers] << Oj::Parser.usual
    Oj::Parser.usual.parse(text)
  end
  $kept[:results] << Oj.sc_parse(Handler.new, text) << Oj.load(text, mode: :strict, symbol_keys: true)
  $kept[:results] << Oj.object_load(Oj.dump(Kept.new("loaded"), mode: :object), mode: :object)
  $kept[:rails] << Oj::EasyHash.new
end

documents
databases
packers
messages
pointers
parsers

def clean(depth)
  depth.zero? ? 0 : clean(depth - 1)
end
clean(200)

Target.serve
