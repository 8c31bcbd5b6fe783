// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.query;

import java.util.EnumSet;
import java.util.Set;
import org.antlr.v4.runtime.BaseErrorListener;
import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.CommonTokenStream;
import org.antlr.v4.runtime.RecognitionException;
import org.antlr.v4.runtime.Recognizer;
import org.antlr.v4.runtime.Token;

/**
 * What is asked for, such as {@code size > 1K and kind = "string data"}.
 *
 * @param condition what it makes of a block
 * @param asks what it asks of one
 */
public record Query(Condition condition, Set<Attribute> asks) {
    /** Longer ones are no one's own words. */
    private static final int LONGEST = 10_000;

    /**
     * Reads a query.
     *
     * @param text what was typed; nothing asks for all blocks
     * @throws QueryException if it can't be understood
     */
    public static Query of(String text) {
        if (text.length() > LONGEST) {
            throw new QueryException("an expression has at most %,d characters".formatted(LONGEST), "", 0, 0);
        }
        QueryLexer lexer = new QueryLexer(CharStreams.fromString(text));
        QueryParser parser = new QueryParser(new CommonTokenStream(lexer));
        parser.removeErrorListeners();
        parser.addErrorListener(new Refusal(text));
        Set<Attribute> asks = EnumSet.noneOf(Attribute.class);
        try {
            return new Query(new Compiler(text, asks).visit(parser.query()), asks);
        } catch (StackOverflowError e) {
            throw new QueryException("the expression is nested too deeply", text, 0, 0);
        }
    }

    /** Refuses what the grammar does not have. */
    private static final class Refusal extends BaseErrorListener {
        private final String text;

        Refusal(String text) {
            this.text = text;
        }

        @Override
        public void syntaxError(
                Recognizer<?, ?> parser, Object symbol, int line, int column, String message, RecognitionException e) {
            Token token = (Token) symbol;
            String word = token.getText();
            if (token.getType() == Token.EOF) {
                throw new QueryException(
                        "the expression ends too early", text, token.getStartIndex(), token.getStartIndex());
            }
            boolean quote = token.getType() == QueryLexer.OTHER && (word.equals("\"") || word.equals("'"));
            throw new QueryException(
                    quote ? "this quote is not closed" : "'%s' is not expected here".formatted(word),
                    text,
                    token.getStartIndex(),
                    token.getStopIndex() + 1);
        }
    }
}
