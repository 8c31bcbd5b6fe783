// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.query;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.cli.query.Attribute.Type;
import dev.heapwalk.heap.BlockState;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.antlr.v4.runtime.ParserRuleContext;

/** Makes a condition of what was parsed, and refuses what means nothing. */
final class Compiler extends QueryBaseVisitor<Condition> {
    private static final Set<String> YES = Set.of("yes", "true");
    private static final Set<String> NO = Set.of("no", "false");
    private static final String HEX = "0x";

    private final String text;
    private final Set<Attribute> asks;

    /**
     * Prepares.
     *
     * @param text the whole query
     * @param asks receives what it asks of blocks
     */
    Compiler(String text, Set<Attribute> asks) {
        this.text = text;
        this.asks = asks;
    }

    private QueryException wrong(ParserRuleContext at, String message) {
        return new QueryException(
                message, text, at.getStart().getStartIndex(), at.getStop().getStopIndex() + 1);
    }

    @Override
    public Condition visitQuery(QueryParser.QueryContext at) {
        return at.disjunction() == null ? new Condition.Always(true) : visit(at.disjunction());
    }

    @Override
    public Condition visitDisjunction(QueryParser.DisjunctionContext at) {
        return at.conjunction().stream()
                .map(this::visit)
                .reduce(Condition.Either::new)
                .orElseThrow();
    }

    @Override
    public Condition visitConjunction(QueryParser.ConjunctionContext at) {
        return at.negation().stream()
                .map(this::visit)
                .reduce(Condition.Both::new)
                .orElseThrow();
    }

    @Override
    public Condition visitNot(QueryParser.NotContext at) {
        return new Condition.Not(visit(at.negation()));
    }

    @Override
    public Condition visitNested(QueryParser.NestedContext at) {
        return visit(at.disjunction());
    }

    @Override
    public Condition visitComparison(QueryParser.ComparisonContext at) {
        QueryParser.OperandContext left = at.operand(0);
        if (at.comparator() == null) {
            return flag(left);
        }
        QueryParser.OperandContext right = at.operand(1);
        Comparator how = Comparator.valueOf(
                QueryLexer.VOCABULARY.getSymbolicName(at.comparator().getStart().getType()));
        Optional<Attribute> first = attribute(left, right);
        Optional<Attribute> second = attribute(right, left);
        if (first.isPresent() && second.isPresent()) {
            return beside(left, first.get(), how, second.get(), right);
        }
        if (first.isPresent()) {
            return compared(left, first.get(), how, at.comparator(), right);
        }
        if (second.isPresent()) {
            if (how == Comparator.MATCHES) {
                throw wrong(left, "what is left of ~ must be one of " + Attribute.names());
            }
            return compared(right, second.get(), how.turned(), at.comparator(), left);
        }
        throw wrong(left, "one side must be one of " + Attribute.names());
    }

    /** The attribute that a word names; empty for a number, a text, and a word that is a value of the other side. */
    private Optional<Attribute> attribute(QueryParser.OperandContext at, QueryParser.OperandContext other) {
        if (at.WORD() == null) {
            return Optional.empty();
        }
        Optional<Attribute> named = Attribute.of(at.getText());
        boolean value = other.WORD() != null
                && Attribute.of(other.getText())
                        .filter(one -> one.type() == Type.STATE || one.type() == Type.FLAG)
                        .isPresent();
        if (named.isEmpty() && !value) {
            throw unknown(at);
        }
        named.ifPresent(asks::add);
        return named;
    }

    private QueryException unknown(QueryParser.OperandContext at) {
        return wrong(at, "there is no attribute '%s': there are %s".formatted(at.getText(), Attribute.names()));
    }

    /** A word that stands alone. */
    private Condition flag(QueryParser.OperandContext at) {
        if (at.WORD() == null) {
            throw wrong(at, "'%s' stands alone; it is to be compared, as in size > 100".formatted(at.getText()));
        }
        Attribute named = Attribute.of(at.getText()).orElseThrow(() -> unknown(at));
        if (named.type() != Type.FLAG) {
            throw wrong(at, "'%s' is to be compared with something".formatted(named));
        }
        asks.add(named);
        return new Condition.Mmapped();
    }

    private Condition beside(
            QueryParser.OperandContext left,
            Attribute one,
            Comparator how,
            Attribute other,
            QueryParser.OperandContext right) {
        if (one.type() != Type.NUMBER) {
            throw wrong(left, "'%s' is to be compared with a value, not with another attribute".formatted(one));
        }
        if (other.type() != Type.NUMBER) {
            throw wrong(right, "'%s' is a number, and '%s' is none".formatted(one, other));
        }
        return new Condition.Compared(one, how, other);
    }

    private Condition compared(
            QueryParser.OperandContext left,
            Attribute attribute,
            Comparator how,
            QueryParser.ComparatorContext sign,
            QueryParser.OperandContext right) {
        return switch (attribute.type()) {
            case NUMBER -> {
                if (right.NUMBER() == null) {
                    throw wrong(right, "'%s' is compared with a number".formatted(attribute));
                }
                yield number(attribute, how, sign, right);
            }
            case TEXT -> {
                if (right.TEXT() == null) {
                    throw wrong(right, "'%s' is compared with a text in quotes".formatted(attribute));
                }
                yield new Condition.UseIs(attribute, text(how, right, unquoted(right)));
            }
            case STATE -> {
                if (right.NUMBER() != null) {
                    throw wrong(right, "'%s' is compared with a word such as USED or FREE".formatted(attribute));
                }
                yield state(how, sign, right);
            }
            case FLAG -> {
                String word = right.WORD() == null ? "" : right.getText();
                if (!YES.contains(word) && !NO.contains(word)) {
                    throw wrong(right, "'%s' is yes or no".formatted(attribute));
                }
                boolean equal = equality(attribute, how, sign);
                yield equal == YES.contains(word)
                        ? new Condition.Mmapped()
                        : new Condition.Not(new Condition.Mmapped());
            }
        };
    }

    /** Whether equality is asked for, and not the contrary; refuses everything else. */
    private boolean equality(Attribute attribute, Comparator how, QueryParser.ComparatorContext sign) {
        if (how != Comparator.EQUAL && how != Comparator.UNEQUAL) {
            throw wrong(sign, "'%s' is compared by = or !=".formatted(attribute));
        }
        return how == Comparator.EQUAL;
    }

    private Condition number(
            Attribute attribute, Comparator how, QueryParser.ComparatorContext sign, QueryParser.OperandContext right) {
        long value = value(right);
        return switch (how) {
            case EQUAL -> in(attribute, value, value);
            case UNEQUAL -> new Condition.Not(in(attribute, value, value));
            case LESS -> new Condition.Not(in(attribute, value, Long.MAX_VALUE));
            case AT_MOST -> in(attribute, Long.MIN_VALUE, value);
            case GREATER -> new Condition.Not(in(attribute, Long.MIN_VALUE, value));
            case AT_LEAST -> in(attribute, value, Long.MAX_VALUE);
            case MATCHES -> throw wrong(sign, "'~' is for texts, and '%s' is a number".formatted(attribute));
        };
    }

    private static Condition in(Attribute attribute, long low, long high) {
        return attribute == Attribute.SIZE ? new Condition.SizeIn(low, high) : new Condition.In(attribute, low, high);
    }

    private long value(QueryParser.OperandContext at) {
        String word = at.getText();
        OptionalLong value = Bytes.parseOrNone(word);
        if (value.isPresent()) {
            return value.getAsLong();
        }
        try {
            if (word.toLowerCase(Locale.ROOT).startsWith(HEX)) {
                return Long.parseLong(word.substring(HEX.length()), 16);
            }
        } catch (NumberFormatException e) {
            // No number, or one that is too large.
        }
        throw wrong(at, "'%s' must be a number such as 4096, 0x1000 or 4K".formatted(word));
    }

    private Condition state(Comparator how, QueryParser.ComparatorContext sign, QueryParser.OperandContext right) {
        String word = right.TEXT() == null ? right.getText() : unquoted(right);
        if (how == Comparator.MATCHES) {
            return new Condition.StateNamed(text(how, right, word));
        }
        boolean equal = equality(Attribute.STATE, how, sign);
        Condition same = Arrays.stream(BlockState.values())
                .filter(state -> state.name().equalsIgnoreCase(word))
                .<Condition>map(Condition.StateIs::new)
                .findFirst()
                .orElseGet(() -> new Condition.StateNamed(word::equalsIgnoreCase));
        return equal ? same : new Condition.Not(same);
    }

    private Predicate<String> text(Comparator how, QueryParser.OperandContext at, String word) {
        if (how == Comparator.MATCHES) {
            try {
                return Pattern.compile(word).asPredicate();
            } catch (PatternSyntaxException e) {
                throw wrong(at, "this is no regular expression: " + e.getDescription());
            }
        }
        return value -> how.accepts(value.compareTo(word));
    }

    /** What stands between quotes; a backslash before a quote or a backslash is left out. */
    private static String unquoted(QueryParser.OperandContext at) {
        String word = at.getText();
        return word.substring(1, word.length() - 1).replaceAll("\\\\([\"'\\\\])", "$1");
    }
}
